"""What is expected, on the owner's page in a real browser."""

from page_tools import Open
from playwright.sync_api import expect


def test_the_owner_sees_what_is_expected_how_sure_and_from_where(open_page: Open) -> None:
    page = open_page("/", owner=True)
    panel = page.get_by_role("region", name="What is expected")
    house = panel.locator("[data-forecast=House]")
    expect(house).to_contain_text("28.8 kWh in the next 24 hours")
    expect(house).to_contain_text("off by 214 W on average, and 83 % of what came lay in the band (80 % is meant)")
    expect(house).to_contain_text("The day before, told again, was off by 290 W.")
    expect(house).to_contain_text("tried on 14 days")
    expect(panel).to_contain_text("departures would have been guessed to within 1.2 h")
    expect(panel).to_contain_text("What drivers said themselves was off by 5.2 h.")
    expect(panel).to_contain_text("Weather from Open-Meteo: nothing has come yet. Cannot be reached; see the network")
    expect(panel.locator("svg path[fill]").first).to_be_attached()
