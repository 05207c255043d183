import time

import pytest

from paas.engine.breaker import Breaker
from paas.engine.engine import HostUnreachable


def test_after_a_silence_calls_fail_at_once_and_others_go_on() -> None:
    breaker = Breaker()

    breaker.silent("h2")

    with pytest.raises(HostUnreachable, match="did not answer 0 s ago"):
        breaker.check("h2")
    breaker.check("h3")


def test_one_call_is_let_through_after_a_while() -> None:
    breaker = Breaker(open_seconds=0)
    breaker.silent("h2")

    breaker.check("h2")


def test_one_alone_is_let_through() -> None:
    breaker = Breaker(open_seconds=0.05)
    breaker.silent("h2")

    passed = 0
    for _ in range(20):
        try:
            breaker.check("h2")
        except HostUnreachable:
            time.sleep(0.01)
        else:
            passed += 1

    assert 1 <= passed <= 5


def test_any_answer_closes_it() -> None:
    breaker = Breaker()
    breaker.silent("h2")

    breaker.answered("h2")

    breaker.check("h2")
