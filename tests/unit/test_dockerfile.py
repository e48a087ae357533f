"""The Dockerfile of a project that has none."""

from rendering.dockerfile import GROUP_ID, dockerfile


def lines(wheels: bool) -> list[str]:
    return [line for line in dockerfile(base="sha256:abc", wheels=wheels).splitlines() if line and not line.startswith("#")]


def test_without_wheels_the_packages_come_from_the_index() -> None:
    assert lines(wheels=False) == [
        "FROM sha256:abc",
        "ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PATH=/venv/bin:$PATH",
        f"RUN groupadd --gid {GROUP_ID} app && useradd --uid {GROUP_ID} --gid {GROUP_ID} --create-home app"
        " && python3 -m venv /venv",
        "COPY gateway-requirements.txt gateway-servers.txt /tmp/gateway/",
        "RUN pip install --no-cache-dir -r /tmp/gateway/gateway-requirements.txt -r /tmp/gateway/gateway-servers.txt",
        "COPY app /app",
        "WORKDIR /app",
        "USER app",
        "ENTRYPOINT []",
    ]


def test_with_wheels_no_index_is_asked() -> None:
    with_wheels, without = lines(wheels=True), lines(wheels=False)
    assert "COPY gateway-wheels /tmp/gateway/wheels" in with_wheels
    (install,) = [line for line in with_wheels if "pip install" in line]
    assert "--no-index --find-links /tmp/gateway/wheels" in install
    assert set(without) - set(with_wheels) == {line for line in without if "pip install" in line}


def test_dependencies_are_a_layer_before_the_code() -> None:
    found = lines(wheels=True)
    assert found.index("COPY app /app") > max(i for i, line in enumerate(found) if "pip install" in line)
