"""A hundred hosts cost a hundred times what one costs, and not more."""

import time

from bench.hosts import no_op_seconds


def processor_seconds(hosts: int) -> float:
    """Of this process, for a first update and one with nothing to do: a busy machine does not make it longer."""
    begun = time.process_time()
    no_op_seconds(hosts)
    return time.process_time() - begun


def test_time_grows_with_the_number_of_hosts_and_no_faster() -> None:
    processor_seconds(2)  # the key and the imports
    few, many = processor_seconds(12), processor_seconds(48)
    assert many < 7 * few, f"12 hosts {few:.2f} s, 48 hosts {many:.2f} s"
