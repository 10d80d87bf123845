"""Tags and favourites on the page."""

import json
import re

from playwright.sync_api import Page, Route, expect

TILES = "#pictures li.tile:visible a"


def test_a_favourite_is_made_and_found_again(page: Page) -> None:
    page.goto("/?q=yellow")
    page.locator(TILES).nth(1).click()
    star = page.get_by_role("button", name="Favourite", exact=True)
    expect(star).to_have_attribute("aria-pressed", "false")
    with page.expect_response("**/api/v1/tags"):
        page.keyboard.press("f")
    expect(star).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("Escape")
    expect(page.locator(TILES).nth(1).locator(".badge.star")).to_have_count(1)
    expect(page.locator(TILES).nth(1)).to_have_attribute("aria-label", re.compile("favourite"))
    page.get_by_role("button", name=re.compile("^Filters")).click()
    page.get_by_label("Favourites only").check()
    expect(page.get_by_role("searchbox")).to_have_value("yellow is:favourite")
    expect(page.locator(TILES)).to_have_count(1)
    expect(page.locator("#terms li")).to_have_text("Favourites")
    page.keyboard.press("Escape")
    page.locator(TILES).first.click()
    expect(star).to_have_attribute("aria-pressed", "true")
    with page.expect_response("**/api/v1/tags"):
        star.click()
    page.keyboard.press("Escape")
    expect(page.locator(TILES).first.locator(".badge.star")).to_have_count(0)
    expect(page).not_to_have_url(re.compile("item="))
    page.reload()
    expect(page.locator("#notice")).to_contain_text("Nothing passes the filters")


def test_tags_are_given_and_taken_away(page: Page) -> None:
    page.goto("/?q=purple")
    page.locator(TILES).first.click()
    field = page.get_by_label("Add a tag")
    field.fill("  Summer   trip ")
    with page.expect_response("**/api/v1/tags"):
        field.press("Enter")
    expect(page.locator("#tag-list li")).to_have_text(["summer trip"])
    expect(field).to_be_focused()
    field.press("f")
    expect(page.get_by_role("button", name="Favourite", exact=True)).to_have_attribute(
        "aria-pressed", "false"
    )
    page.goto("/")
    page.get_by_role("button", name=re.compile("^Filters")).click()
    expect(page.locator("#known-tags option")).to_have_attribute("value", "summer trip")
    page.locator("#f-tag").fill("summer trip")
    page.locator("#f-tag").press("Enter")
    expect(page.get_by_role("searchbox")).to_have_value('tag:"summer trip"')
    expect(page.locator(TILES)).to_have_count(1)
    page.keyboard.press("Escape")
    page.locator(TILES).first.click()
    with page.expect_response("**/api/v1/tags"):
        page.get_by_role("button", name="Take the tag away: summer trip").click()
    expect(page.locator("#tag-list li")).to_have_count(0)


def test_a_refused_tag_is_taken_back_and_told(page: Page) -> None:
    error = {"error": {"code": "unavailable", "message": "This library cannot be written."}}

    def refuse(route: Route) -> None:
        route.fulfill(status=503, body=json.dumps(error), content_type="application/json")

    page.route("**/api/v1/tags", refuse)
    page.goto("/?q=purple")
    page.locator(TILES).first.click()
    star = page.get_by_role("button", name="Favourite", exact=True)
    star.click()
    expect(page.locator("#detail-error")).to_have_text("This library cannot be written.")
    expect(star).to_have_attribute("aria-pressed", "false")


def test_a_key_is_for_what_is_shown_however_late_more_is_known_of_it(page: Page) -> None:
    def late(route: Route) -> None:
        answer = route.fetch()
        page.wait_for_timeout(400)
        route.fulfill(response=answer)

    page.goto("/?q=purple")
    expect(page.locator(TILES).first).to_be_visible()
    page.route(re.compile(r"/api/v1/items/\d+$"), late)
    page.locator(TILES).first.click()
    page.keyboard.press("ArrowRight")
    star = page.get_by_role("button", name="Favourite", exact=True)
    with page.expect_request("**/api/v1/tags") as given:
        page.keyboard.press("f")
    second = page.locator(TILES).nth(1).get_attribute("data-id")
    assert given.value.post_data_json == {"items": [int(second or 0)], "add": ["favourite"]}
    # What is told late was true before.
    expect(page.locator("#file-facts")).to_be_visible()
    expect(star).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("ArrowLeft")
    expect(star).to_have_attribute("aria-pressed", "false")
    page.keyboard.press("ArrowRight")
    with page.expect_response("**/api/v1/tags"):
        page.keyboard.press("f")
    expect(star).to_have_attribute("aria-pressed", "false")
    page.unroute_all(behavior="wait")
