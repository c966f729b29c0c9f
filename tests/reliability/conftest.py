"""One service of real processes for all tests of this folder, whole again before each of them."""

from collections.abc import AsyncIterator

import pytest

from tests.reliability.harness import Measured, Service


@pytest.fixture(scope="session")
async def processes(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Service]:
    service = await Service.start(tmp_path_factory.mktemp("service"), apis=2)
    yield service
    await service.stop()


@pytest.fixture
async def service(processes: Service) -> Service:
    await processes.heal()
    return processes


@pytest.fixture
def measured(request: pytest.FixtureRequest) -> Measured:
    """Report a figure; `pytest -s` shows it."""

    def report(what: str, figure: object) -> None:
        print(f"\n{request.node.name}: {what}: {figure}")

    return report
