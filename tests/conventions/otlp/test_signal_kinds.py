"""Which signal a protobuf request carries, without anything that says so."""

from __future__ import annotations

from pathlib import Path

from clustertrace.conventions.otlp.signal_kinds import signal_of_protobuf


def test_samples(shared: Path) -> None:
    """Requests of real programs are what their names say."""
    samples = sorted((shared / "otlp_samples").glob("*.pb"))
    assert len(samples) > 40
    for sample in samples:
        assert f".{signal_of_protobuf(sample.read_bytes())}" in sample.name


def test_what_is_no_request() -> None:
    """Anything else counts as traces, whose decoder then says what is wrong."""
    for body in (b"", b"# Samples of OTLP", b"\n\xff", b"\n\x00", b"\n\x04\x12\x02\x12\x00"):
        assert signal_of_protobuf(body) == "traces"
