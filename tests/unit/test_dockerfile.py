"""The Dockerfiles of a project that has none."""

from rendering.dockerfile import GROUP_ID, dependencies, release


def lines(text: str) -> list[str]:
    return [line for line in text.splitlines() if line and not line.startswith("#")]


def test_without_wheels_the_packages_come_from_the_index() -> None:
    assert lines(dependencies(base="sha256:abc", wheels=False)) == [
        "FROM sha256:abc AS install",
        "ENV PIP_DISABLE_PIP_VERSION_CHECK=1",
        "RUN python3 -m venv /venv",
        "COPY . /tmp/gateway",
        "RUN /venv/bin/pip install --no-cache-dir -r /tmp/gateway/requirements.txt -r /tmp/gateway/servers.txt",
        "FROM sha256:abc",
        "ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 PATH=/venv/bin:$PATH",
        f"RUN groupadd --gid {GROUP_ID} app && useradd --uid {GROUP_ID} --gid {GROUP_ID} --create-home app",
        "COPY --from=install /venv /venv",
    ]


def test_with_wheels_no_index_is_asked() -> None:
    (install,) = [line for line in lines(dependencies(base="sha256:abc", wheels=True)) if "pip install" in line]
    assert "--no-index --find-links /tmp/gateway/wheels" in install


def test_a_release_adds_its_code_to_its_dependencies_and_runs_as_the_app() -> None:
    assert lines(release(image="gateway/shop-dependencies:0123456789")) == [
        "FROM gateway/shop-dependencies:0123456789",
        "COPY app /app",
        "WORKDIR /app",
        "USER app",
        "ENTRYPOINT []",
    ]
