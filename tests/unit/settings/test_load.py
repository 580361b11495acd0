"""Settings from the environment: what is taken, and how what is wrong is named."""

from datetime import timedelta
from typing import Annotated, Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.common import settings
from libs.common.settings import ServiceSettings, SettingsError


class Settings(ServiceSettings, frozen=True, kw_only=True):
    workers: Annotated[int, msgspec.Meta(ge=1)] = 4
    resync: timedelta = timedelta(minutes=5)
    limit: timedelta | None = None
    pull: bool = False
    clusters: tuple[str, ...] = ()
    ratio: float = 0.5


def test_an_empty_environment_gives_the_defaults() -> None:
    assert settings.load(Settings, {"PATH": "/bin"}) == Settings()


@pytest.mark.parametrize(
    ("variable", "text", "field", "value"),
    [
        pytest.param("ARGOSY_NATS_URL", "nats://n:4222", "nats_url", "nats://n:4222", id="text"),
        pytest.param("ARGOSY_WORKERS", "12", "workers", 12, id="number"),
        pytest.param("ARGOSY_RATIO", "0.25", "ratio", 0.25, id="fraction"),
        pytest.param("ARGOSY_PULL", "true", "pull", True, id="true"),
        pytest.param("ARGOSY_PULL", "0", "pull", False, id="zero-is-false"),
        pytest.param("ARGOSY_RESYNC", "1h30m", "resync", timedelta(minutes=90), id="duration"),
        pytest.param("ARGOSY_LIMIT", "250ms", "limit", timedelta(milliseconds=250), id="optional-duration"),
        pytest.param("ARGOSY_CLUSTERS", "a, b,,c", "clusters", ("a", "b", "c"), id="list"),
        pytest.param("ARGOSY_LOG_LEVEL", "debug", "log_level", "debug", id="choice"),
    ],
)
def test_a_variable_sets_its_field(variable: str, text: str, field: str, value: Any) -> None:
    assert getattr(settings.load(Settings, {variable: text}), field) == value


@pytest.mark.parametrize(
    ("environ", "message"),
    [
        pytest.param(
            {"ARGOSY_NATS_URI": "x"}, "ARGOSY_NATS_URI is not a setting.*did you mean ARGOSY_NATS_URL", id="near"
        ),
        pytest.param(
            {"ARGOSY_QQQ": "x"}, "ARGOSY_QQQ is not a setting of this service; known are ARGOSY_ADDRESS_FILE", id="far"
        ),
        pytest.param({"ARGOSY_WORKERS": "0"}, "ARGOSY_WORKERS='0': Expected `int` >= 1", id="range"),
        pytest.param({"ARGOSY_WORKERS": "many"}, "ARGOSY_WORKERS='many': Expected `int`", id="number"),
        pytest.param({"ARGOSY_PULL": "perhaps"}, "ARGOSY_PULL='perhaps': Expected `bool`", id="bool"),
        pytest.param({"ARGOSY_RESYNC": "10"}, "ARGOSY_RESYNC='10': expected a duration such as 10s", id="no-unit"),
        pytest.param({"ARGOSY_LOG_LEVEL": "loud"}, "ARGOSY_LOG_LEVEL='loud': Invalid enum value", id="choice"),
    ],
)
def test_what_is_wrong_is_named(environ: dict[str, str], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        settings.load(Settings, environ)


def test_a_setting_without_default_must_be_given() -> None:
    class Strict(ServiceSettings, frozen=True, kw_only=True):
        cluster_name: str

    with pytest.raises(SettingsError, match="ARGOSY_CLUSTER_NAME is not set"):
        settings.load(Strict, {})


@pytest.mark.parametrize(
    "variable",
    [
        "ARGOSY_NATS_SERVICE_HOST",
        "ARGOSY_NATS_SERVICE_PORT",
        "ARGOSY_NATS_SERVICE_PORT_CLIENT",
        "ARGOSY_NATS_PORT",
        "ARGOSY_NATS_PORT_4222_TCP",
        "ARGOSY_NATS_PORT_4222_TCP_ADDR",
    ],
)
def test_what_kubernetes_injects_for_services_is_passed_over(variable: str) -> None:
    assert settings.load(Settings, {variable: "tcp://10.0.0.1:4222"}) == Settings()


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("0", 0), ("10s", 10), ("1.5h", 5400), ("1m30s", 90), ("100ms", 0.1), ("-2s", -2), (".5s", 0.5), ("3us", 3e-6)],
)
def test_durations(text: str, seconds: float) -> None:
    assert settings.duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize("text", ["", "10", "s", "10 s", "1d", "5x", "-", "1s2", "1e3s"])
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(ValueError, match="expected a duration"):
        settings.duration(text)


@given(st.integers(0, 23), st.integers(0, 59), st.integers(0, 59))
def test_hours_minutes_and_seconds_add_up(hours: int, minutes: int, seconds: int) -> None:
    expected = timedelta(hours=hours, minutes=minutes, seconds=seconds)
    assert settings.duration(f"{hours}h{minutes}m{seconds}s") == expected
