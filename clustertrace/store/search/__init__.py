"""What the text indexes of both databases share."""
