"""Names of the device model's variables as text, both ways."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chargebridge.stations.variables import VariableName

names = st.text(st.characters(codec="utf-8", exclude_categories=("Cs",)), min_size=1, max_size=10)
instances = st.none() | names
numbers = st.none() | st.integers(0, 99)


@given(names, instances, numbers, numbers, names, instances)
def test_there_and_back(
    component: str, instance: str | None, evse: int | None, connector: int | None, variable: str, part: str | None
) -> None:
    name = VariableName(
        component=component, instance=instance, evse=evse, connector=connector if evse is not None else None, variable=variable,
        variable_instance=part,
    )  # fmt: skip
    assert VariableName.read(str(name)) == name


def test_as_it_is_written() -> None:
    name = VariableName(component="Connector", evse=1, connector=2, variable="Power", variable_instance="Max")
    assert str(name) == "Connector@1/2.Power[Max]"


@pytest.mark.parametrize("text", ["", "Component", "A.B.C", "A@x.B", "A[.B", ".B", "A."])
def test_what_is_no_name(text: str) -> None:
    with pytest.raises(ValueError, match="names no variable"):
        VariableName.read(text)
