"""The API keeps what its description says, whatever is sent: tried by Schemathesis."""

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from restora.app.guard import Bounds
from restora.app.server import make_app
from restora.work.jobs import Jobs
from restora.work.restore import Limits

TOKEN = {"Authorization": "Bearer secret"}
GENTLY = settings(
    max_examples=30, deadline=None, derandomize=True, database=None, phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)  # fmt: skip


@pytest.fixture
def operations(tmp_path):
    import schemathesis

    jobs = Jobs(tmp_path / "jobs", Limits(pixels=10**5, minutes=0.1), most_waiting=1000)  # nobody works on them
    app = make_app(jobs, Bounds(bytes=10_000, token="secret"))
    schema = schemathesis.openapi.from_asgi("/openapi.json", app, headers=TOKEN)
    return [result.ok() for result in schema.get_all_operations()]


def test_the_api_is_as_described(operations):
    assert {"/v1/restore", "/v1/diagnose", "/v1/jobs/{key}/result"} <= {operation.path for operation in operations}
    from schemathesis.specs.openapi.checks import positive_data_acceptance

    random_bytes_are_no_picture = [positive_data_acceptance]
    for operation in operations:

        @GENTLY
        @given(case=operation.as_strategy())
        def keeps(case):
            case.call_and_validate(headers=TOKEN, excluded_checks=random_bytes_are_no_picture)

        keeps()
