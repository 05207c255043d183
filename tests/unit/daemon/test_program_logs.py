from pathlib import Path

from paas.daemon.launch import LOG_LIMIT
from paas.daemon.program_logs import KEPT, shorten
from paas.settings import Settings


def test_of_a_long_log_the_end_stays(tmp_path: Path) -> None:
    settings = Settings(directory=tmp_path, platform="test")
    (settings.run / "log").mkdir(parents=True)
    long, short = settings.run / "log" / "web.log", settings.run / "log" / "watch.log"
    long.write_text("".join(f"line {number}\n" for number in range(LOG_LIMIT // 8)))
    short.write_text("hello\n")

    with long.open("a") as program:
        shorten(settings)
        program.write("printed after that\n")

    text = long.read_text()
    assert KEPT - 100 < len(text) <= KEPT + 100
    assert text.startswith("line ")
    assert text.endswith("printed after that\n")
    assert "\0" not in text
    assert short.read_text() == "hello\n"
