import signal
import threading

import pytest

from halflife.lab.interrupts import held_interrupts


def press():
    signal.raise_signal(signal.SIGINT)


def test_an_interrupt_waits_for_the_end_of_the_block():
    ended = []

    @held_interrupts()
    def block():
        press()
        ended.append(True)

    with pytest.raises(KeyboardInterrupt):
        block()
    assert ended


def test_an_interrupt_takes_the_place_of_an_error_in_the_block():
    @held_interrupts()
    def block():
        press()
        raise ValueError

    with pytest.raises(KeyboardInterrupt) as raised:
        block()
    assert isinstance(raised.value.__context__, ValueError)


def test_a_second_interrupt_does_not_wait():
    @held_interrupts()
    def block():
        press()
        press()
        pytest.fail("the block went on")

    with pytest.raises(KeyboardInterrupt):
        block()


def test_blocks_within_blocks_wait_for_the_outermost():
    ended = []

    @held_interrupts()
    def inner():
        press()
        ended.append("inner")

    @held_interrupts()
    def outer():
        inner()
        ended.append("outer")

    with pytest.raises(KeyboardInterrupt):
        outer()
    assert ended == ["inner", "outer"]


def test_the_handler_of_before_is_back():
    before = signal.getsignal(signal.SIGINT)
    with held_interrupts():
        assert signal.getsignal(signal.SIGINT) is not before
    assert signal.getsignal(signal.SIGINT) is before


def test_an_ignored_interrupt_stays_ignored():
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with held_interrupts():
            press()
    finally:
        signal.signal(signal.SIGINT, before)


def test_other_threads_do_nothing():
    before = signal.getsignal(signal.SIGINT)
    seen = []

    def work():
        with held_interrupts():
            seen.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [before]
