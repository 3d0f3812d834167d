"""Proben1: squared errors that others published, of the recipe they published."""

import pytest

import proben1


@pytest.fixture
def sets():
    if not proben1.FOLDER.is_dir():
        pytest.skip(f"no Proben1 in {proben1.FOLDER}")
    return proben1.SETS


@pytest.mark.parametrize("one", ["cancer1", "card1", "heart1", "diabetes1"])
def test_a_quick_subset(client, name, sets, one):
    assert one in sets
    errors, _ = proben1.train(client, one, 10, f"{name}.")
    assert proben1.is_within(one, errors), (errors, proben1.published(one))


@pytest.mark.heavy
def test_seven_of_them_at_least(client, name, sets):
    found = {one: proben1.train(client, one, 10, f"{name}.")[0]
             for one in sets}
    hits = [one for one, errors in found.items()
            if proben1.is_within(one, errors)]
    assert len(found) >= 8 and len(hits) >= 7, found
