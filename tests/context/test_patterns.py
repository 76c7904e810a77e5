"""What is read ahead for which reads; the oracle is the reads that come next."""

from hypothesis import given
from hypothesis import strategies as st

from rlm_magic.context.patterns import Patterns, neighbours


def read_through(reads, segments=1000, window=64, cost=1):
    """Read in order, wait for what was not read ahead; return the stalls and all that was asked for."""
    patterns = Patterns(segments, streams=8, window=window)
    asked, stalls = set(), 0
    for number in reads:
        stalled = number not in asked
        stalls += stalled
        asked.update(patterns.observe([number], stalled=stalled).fetch)
    return stalls, asked


def test_a_scan_from_the_start_stalls_once():
    stalls, asked = read_through(range(100))
    assert stalls == 1
    assert max(asked) <= 102


def test_a_scan_from_the_middle_stalls_twice():
    assert read_through(range(300, 400))[0] == 2


def test_a_scan_backwards_stalls_twice():
    assert read_through(range(400, 300, -1))[0] == 2


def test_equal_strides_stall_three_times_and_fetch_only_what_lies_on_them():
    stalls, asked = read_through(range(50, 550, 7))
    assert stalls == 3
    assert all((number - 50) % 7 == 0 for number in asked)


def test_scans_taking_turns_are_told_apart():
    reads = [start + step for step in range(40) for start in (100, 310, 500, 777)]
    assert read_through(reads)[0] == 8


def test_jumps_without_pattern_fetch_nothing():
    jumps = [500, 17, 903, 250, 777, 111, 640]
    assert read_through(jumps) == (len(jumps), set())


def test_the_same_segment_again_fetches_nothing():
    assert read_through([40] * 9)[1] == set()


def test_the_window_grows_only_when_the_reader_waits():
    patient, hurried = Patterns(1000, streams=8, window=64), Patterns(1000, streams=8, window=64)
    most = {True: 0, False: 0}
    for stalled, patterns in ((False, patient), (True, hurried)):
        for number in range(60):
            fetch = patterns.observe([number], stalled=stalled).fetch
            most[stalled] = max(most[stalled], max(fetch, default=number) - number)
    assert most == {False: 2, True: 64}


def test_waste_halves_the_window():
    patterns = Patterns(1000, streams=8, window=64)
    for number in range(40):
        advice = patterns.observe([number], stalled=True)
    for _ in range(6):
        patterns.wasted(advice.owner)
    furthest = [max(patterns.observe([n], stalled=False).fetch, default=n) - n for n in range(40, 140)]
    assert max(furthest[70:]) == 1


def test_zooming_in_fetches_the_rest_and_both_sides():
    patterns = Patterns(100, streams=8, window=64)
    patterns.observe(range(20, 24), stalled=True)
    assert patterns.observe([21], stalled=True).fetch == [20, 22, 23, 19, 24]


def test_the_ninth_stream_ends_the_oldest():
    patterns = Patterns(1000, streams=2, window=64)
    oldest = patterns.observe([100], stalled=True).owner
    patterns.observe([333], stalled=True)
    assert patterns.observe([777], stalled=True).cancelled == [oldest]


def test_a_stream_nobody_follows_is_cancelled():
    patterns = Patterns(100_000, streams=8, window=64)
    owner = patterns.observe([0], stalled=True).owner
    gone = []
    for number in (70_000, 70_001):
        gone += patterns.observe([number], stalled=True).cancelled
    for number in range(70_002, 70_020):
        gone += patterns.observe([number], stalled=False).cancelled
    assert gone == [owner]


def test_think_time_fills_the_windows_of_confirmed_streams():
    patterns = Patterns(1000, streams=8, window=64)
    fetched = set()
    for number in (5, 6):
        fetched.update(patterns.observe([number], stalled=True).fetch)
    ahead = [number for advice in patterns.resumed() for number in advice.fetch]
    assert fetched == {7, 8}
    assert set(ahead) <= {7, 8}


@given(
    st.lists(
        st.tuples(st.integers(0, 49), st.integers(1, 4), st.booleans()),
        max_size=60,
    ),
    st.integers(1, 64),
)
def test_advice_stays_in_the_text_and_within_the_window(reads, window):
    patterns = Patterns(50, streams=8, window=window)
    for start, size, stalled in reads:
        numbers = range(start, min(50, start + size))
        fetch = patterns.observe(numbers, stalled=stalled).fetch
        assert all(0 <= number < 50 for number in fetch)
        assert len(fetch) <= window * size


def test_neighbours_are_beside_and_not_among_the_given():
    assert neighbours([0, 1, 50], segments=51, limit=8) == [2, 49]
    assert neighbours([10, 20, 30], segments=100, limit=2) == [11, 9]
