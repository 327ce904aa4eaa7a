"""People choose who answers and judge the answers, through the whole service and over a restart."""

from pathlib import Path

from storage.conversations.ratings import RatingCount, count_ratings, latest_rated
from tests.fakes.openai_server import OpenAIServer
from tests.service import running_service
from tests.test_service import answered_by


def offering(model: OpenAIServer, users: str) -> dict[str, str]:
    return answered_by(
        model,
        WEBOT_MODELS__LARGE__BASE_URL=model.base_url,
        WEBOT_MODELS__LARGE__MODEL="large-model",
        WEBOT_MODELS__LARGE__USERS=users,
    )


async def test_who_answers_is_chosen_for_one_person_and_stays_so_over_a_restart(tmp_path: Path) -> None:
    async with OpenAIServer() as model:
        async with running_service(tmp_path, offering(model, '["zhangsan"]')) as service:
            zhang, li = service.phone("zhangsan"), service.phone("lisi")
            for phone in (zhang, li):
                await phone.say("@model large")
                await phone.say("你好")
                await phone.texts(count=2)
        asked = sorted((body["messages"][-1]["content"], body["model"]) for body in model.bodies)
        async with running_service(tmp_path, offering(model, '["ZhangSan"]')) as service:
            await service.phone("zhangsan").say("还在吗")
            await service.phone("zhangsan").texts(count=1)
        async with running_service(tmp_path, offering(model, "[]")) as service:
            await service.phone("zhangsan").say("现在呢")
            await service.phone("zhangsan").say("@model")
            *_, listed = await service.phone("zhangsan").texts(count=2)

    assert [("你好", "large-model"), ("你好", "test-model")] == asked
    assert ["large-model", "test-model"] == [body["model"] for body in model.bodies[2:]]
    assert "“large”现在不提供了" in listed


async def test_answers_are_judged_by_word_by_click_and_by_sign(tmp_path: Path) -> None:
    async with OpenAIServer() as model, running_service(tmp_path, answered_by(model)) as service:
        phone = service.phone()
        await phone.say("@good")
        await phone.say("一")
        await phone.click("@good")
        await phone.say("二")
        await phone.say("👎")
        await phone.say("@bad 太短")
        texts = await phone.texts(count=6)
        counts = await count_ratings(service.service.database)
        judged = await latest_rated(service.service.database, "default", last=9, users=("zhangsan",))

    assert "还没有可以评价的回答" in texts[0]
    assert [RatingCount(good=1, bad=1)] == list(counts.values())
    assert [(False, "太短", "二"), (True, "", "一")] == [(each.good, each.why, each.question) for each in judged]
