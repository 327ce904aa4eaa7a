"""Conversations such as people have them, with everything in them that has ever broken a page."""

from exports.records import ConversationInfo, Message, Transcript

NOON = 1795348800.0
"""2026-11-22 12:00 UTC."""

REPORT = """# 2026 年第三季度销售分析

总体来看，**华东区**的增长最快，达到 *18.6%*；~~华南区下滑~~ 华南区持平。详见[季度报告](https://example.com/report?q=3&y=2026)。

## 一、分区数据

| 区域 | 销售额（万元） | 同比 | 说明 |
|:-----|------:|:----:|------|
| 华东 | 12,480 | +18.6% | 新客户占 `37%`，其中制造业居多 |
| 华南 | 9,730 | 0.0% | 两家大客户推迟到第四季度签约 |
| 华北 | 8,105 | +6.2% | 政企项目 **按期** 验收 |
| 西南 | 3,022 | -4.1% | 人员调整，交接中 |

## 二、计算方法

增长率按 $r = \\frac{x_t - x_{t-1}}{x_{t-1}}$ 计算，季节调整后：

$$
\\hat{x}_t = x_t \\cdot \\left(1 + \\sum_{i=1}^{4} \\alpha_i s_{t-i}\\right)
$$

```python
def growth(now: float, before: float) -> float:
    \"\"\"同比增长率。\"\"\"
    if before == 0:
        raise ValueError("上期为零，无法计算")  # 这种情况要单独列出，不能写成无穷大，否则后面的汇总会全部变成无效值
    return (now - before) / before


print(f"{growth(12480, 10523):.1%}")
```

> 口径说明：以**合同签订日**为准。
>
> > 财务口径以回款日为准，两者差异见附录。

1. 先核对华东新客户名单 ✅
2. 再确认华南两单的时间
   - [x] 客户甲：已确认 👍
   - [ ] 客户乙：待回复 🕐
3. 最后汇总

---

如需英文版请告诉我：*The quick brown fox* — “naïve café”, €5 ≈ ¥40, H₂O, x² + y² = z².
"""

MIXED = """日本語：吾輩は猫である。名前はまだ無い。
한국어: 동해물과 백두산이 마르고 닳도록.
繁體中文：臺灣的繁體字與廣東話「嘅」。
Emoji：😀🎉👨‍👩‍👧👍🏽❤️🇨🇳1️⃣ 结束"""

LONG = "这一段用来看长文的排版。" + "先帝创业未半而中道崩殂，今天下三分，益州疲弊，此诚危急存亡之秋也。" * 30

AWKWARD = (
    "<script>alert('x')</script> <b>not bold</b> &amp; [nowhere](#nowhere) [js](javascript:alert(1))\n\n"
    f"https://example.com/{'a' * 300}\n\n```\n"
    + "x" * 400
    + "\n```\n\n[ref]: https://example.com/ref\n\nunclosed:\n\n```js\nlet a = 1"
)

QUESTIONS = ("帮我写一份第三季度的销售分析", "# 这不是标题\n只是我打的字\n  有缩进", "继续", "What about *English*?")


def talk(number: int = 1, *, title: str = "帮我写一份第三季度的销售分析", persona: str = "") -> ConversationInfo:
    return ConversationInfo(number, "wecom", "zhangsan", number, title, persona, NOON, NOON + 3600)


def message(turn: int, role: str, text: str, *, at: float = NOON) -> Message:
    if role == "human":
        return Message(turn, "human", text, (), at + turn * 60)
    return Message(turn, "ai", text, (), at + turn * 60 + 9, turn, "default", "r7", "deepseek-chat", 120, 300, 900)


def transcript(exchanges: int, *, answers: tuple[str, ...], number: int = 1, persona: str = "") -> Transcript:
    said = []
    for turn in range(1, exchanges + 1):
        said.append(message(turn, "human", QUESTIONS[turn % len(QUESTIONS)]))
        said.append(message(turn, "ai", answers[turn % len(answers)]))
    return Transcript(talk(number, persona=persona), tuple(said))
