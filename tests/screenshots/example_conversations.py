"""What is said in the pictures, in both languages: questions of a company's day, and what a model answers to them."""

from collections.abc import Mapping
from dataclasses import dataclass

from pipeline.text.i18n import Language


@dataclass(frozen=True, slots=True)
class ExampleConversation:
    """A question with a table for an answer, and one with code; `later` is said by others, and answered shortly."""

    table_question: str
    table_answer: str
    code_question: str
    code_answer: str
    others: Mapping[str, tuple[tuple[str, str], ...]]
    """Questions and answers by who asks."""
    searched: str
    """A word that finds some of them."""
    chain: str
    """The file of a chain that is being tried."""
    chain_question: str
    chain_answer: str
    chain_refusal: tuple[str, str]
    """A question of the chain's cases that it must not answer, and what it says to it."""
    brief_prompt: str
    """What a draft says to the model, so that it answers others' questions with `brief_answers`."""
    brief_answers: Mapping[str, str]

    def answers(self) -> Mapping[str, str]:
        """Return every answer by its question."""
        return {
            **dict(pair for said in self.others.values() for pair in said),
            self.table_question: self.table_answer,
            self.code_question: self.code_answer,
            self.chain_question: self.chain_answer,
            self.chain_refusal[0]: self.chain_refusal[1],
        }


_ENGLISH = ExampleConversation(
    table_question="Compare our ways to deploy in a table",
    table_answer="""Three ways, in short:

| | On a VM | Docker | Kubernetes |
|---|---|---|---|
| **Set-up** | an hour | ten minutes | a day |
| **Upgrade** | by hand | `docker compose pull` | rolling |
| **Fits** | 1 service | 2–10 services | more than 10 |

For five services and a team of two, **Docker** is the best fit.""",
    code_question="Write me a health check in Python that retries.",
    code_answer="""This tries three times, with a longer pause after each:

```python
import time
from urllib.request import urlopen


def is_healthy(url: str, tries: int = 3) -> bool:
    \"""Whether a service answers with 200.\"""
    for attempt in range(tries):
        try:
            with urlopen(url, timeout=5) as answer:
                return answer.status == 200
        except OSError:
            time.sleep(2**attempt)
    return False
```

Call it with the address that your service answers at, and restart the service once it returns `False`.""",
    others={
        "lisi": (
            ("How many days of leave do I have after three years?", "After three years it is **10 days** a year."),
            ("Can I carry leave over into next year?", "Yes, up to **5 days**, to be taken before the end of March."),
        ),
        "wangwu": (
            ("Summarise: the release moves to Friday, tests stay on Thursday.", "Release Friday, tests Thursday."),
        ),
        "zhaoliu": (("Translate into German: the meeting is on leave policy.", "Es geht um die Urlaubsregelung."),),
        "sunqi": (("Draft a polite reply: we need two more days.", "Thank you for waiting. We need two more days."),),
    },
    searched="leave",
    chain="""description = "answers questions about leave and expenses"
command = "@hr"
welcome = "Write your question after the command: **@hr how much leave do I have**"
system_prompt = \"""
You are the company's HR assistant. Today is {{ date }}.
Answer questions about leave, attendance and expenses only.
If the rules do not cover a question, send people to HR.
\"""
turns = 4

[options]
temperature = 0.2

[[cases]]
input = "How many days of leave after three years?"
contains = ["10 days"]

[[cases]]
input = "Will there be a raise next year?"
not_contains = ["%"]
""",
    chain_question="How many days of leave after three years?",
    chain_answer="After three years you have **10 days** of leave a year, besides public holidays. "
    "Up to 5 of them can be carried over until the end of March.",
    chain_refusal=(
        "Will there be a raise next year?",
        "The rules say nothing about that. Please ask HR or your manager.",
    ),
    brief_prompt="You are a colleague who answers in one short sentence and names the rule.",
    brief_answers={
        "How many days of leave do I have after three years?": "**10 days** a year (leave policy, section 2).",
        "Can I carry leave over into next year?": "Yes, up to **5 days**, until the end of March (section 4).",
    },
)

_CHINESE = ExampleConversation(
    table_question="比较一下三种部署方式，列个表",
    table_answer="""三种方式对比如下：

| | 虚拟机 | Docker | Kubernetes |
|---|---|---|---|
| **准备** | 一小时 | 十分钟 | 一天 |
| **升级** | 手工替换 | `docker compose pull` | 滚动更新 |
| **适合** | 1 个服务 | 2–10 个服务 | 10 个以上 |

五个服务、两个人的团队，**推荐 Docker**。""",
    code_question="用 Python 写一个会重试的健康检查",
    code_answer="""下面的函数最多试三次，每次多等一会儿：

```python
import time
from urllib.request import urlopen


def is_healthy(url: str, tries: int = 3) -> bool:
    \"""服务是否返回 200。\"""
    for attempt in range(tries):
        try:
            with urlopen(url, timeout=5) as answer:
                return answer.status == 200
        except OSError:
            time.sleep(2**attempt)
    return False
```

把服务的地址传进去；返回 `False` 时再重启服务。""",
    others={
        "lisi": (
            ("工作满三年，年假有几天？", "满三年每年有 **10 天**年假。"),
            ("今年没休完的年假能留到明年吗？", "可以，最多 **5 天**，要在三月底前休完。"),
        ),
        "wangwu": (("总结一下：发布改到周五，测试还是周四。", "周五发布，周四测试。"),),
        "zhaoliu": (("翻译成英文：会上要讨论年假制度。", "The meeting will discuss the annual leave policy."),),
        "sunqi": (("帮我礼貌地回复：还需要两天时间。", "感谢您的耐心等待，我们还需要两天时间。"),),
    },
    searched="年假",
    chain="""description = "回答请假、考勤和报销的问题"
command = "@hr"
aliases = ["@人事"]
welcome = "把问题写在指令后面，例如：**@人事 年假有几天**"
system_prompt = \"""
你是公司的人事助理。今天是 {{ date }}。
只回答请假、考勤和报销的问题，别的问题请告诉对方该问谁。
制度里没有写的，就说不知道，请对方联系人事部。
\"""
turns = 4

[options]
temperature = 0.2

[[cases]]
input = "工作满三年，年假有几天？"
contains = ["10 天"]

[[cases]]
input = "明年会涨工资吗？"
not_contains = ["%"]
""",
    chain_question="工作满三年，年假有几天？",
    chain_answer="工作满三年，每年有 **10 天**年假，法定节假日另算。其中最多 5 天可以留到次年三月底前休完。",
    chain_refusal=("明年会涨工资吗？", "制度里没有写，我不清楚，请问一下人事部或您的主管。"),
    brief_prompt="你是同事，用一句短话回答，并写出依据的条款。",
    brief_answers={
        "工作满三年，年假有几天？": "每年 **10 天**（休假制度第 2 条）。",
        "今年没休完的年假能留到明年吗？": "可以，最多 **5 天**，三月底前休完（第 4 条）。",
    },
)

EXAMPLES: Mapping[Language, ExampleConversation] = {"en": _ENGLISH, "zh": _CHINESE}
