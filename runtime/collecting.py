"""Python's garbage collector, as a process that serves for months wants it."""

import gc

#: Objects made, less those gone again, before it looks among them for circles that nothing holds any more; how many
#: such looks before one at what outlived them; how many of these before one at everything. At Python's 700, 10 and 10
#: it looked at all journeys in memory again and again: 1,100 of them stopped a worker for 180 ms each time.
_EVERY = 20_000, 10, 2


def spare_the_collector() -> None:
    """Call when a process begins to serve: what stands then stands until its end and is never looked through again.

    What a request or a decision makes holds few circles; a journey that leaves a worker's memory does, and stays until
    the next look at everything, after some 2,500 of them (40 MB, measured).
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_EVERY)
