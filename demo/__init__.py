"""Three small agents on a scripted model, and the sixty runs of them that the demo shows.

The agents are real: they loop, call tools that really look things up, retry and give up. What is
scripted is what a network and a model would add: the model's decisions, latency, and faults. So
the same command gives the same sixty runs everywhere, and costs nothing:

    python -m clustertrace.demo.record
"""
