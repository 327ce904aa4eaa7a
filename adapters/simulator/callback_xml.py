"""What a member did, written as the XML of a callback: wecom-protocol.md 3."""

from adapters.simulator.platform.apps import App
from adapters.simulator.platform.timeline import MemberAction
from adapters.wecom.callback.xml import legal_text
from pipeline.events import (
    CardActed,
    Clicked,
    Content,
    Entered,
    Feedback,
    File,
    Image,
    Link,
    Location,
    PlatformNotice,
    Position,
    Scanned,
    Subscribed,
    Text,
    UnknownEvent,
    UnknownMessage,
    Unsubscribed,
    Video,
    Viewed,
    Voice,
)

# Events of the whole corp come from "sys" and name no app.
_OF_THE_CORP = frozenset(
    {"change_contact", "batch_job_result", "open_approval_change", "share_agent_change", "share_chain_change"}
)


def callback_xml(app: App, said: MemberAction) -> str:
    """Write what somebody did as WeCom reports it to the app."""
    corp_wide = isinstance(said.content, PlatformNotice) and said.content.name in _OF_THE_CORP
    return "".join(
        (
            "<xml>",
            _words("ToUserName", app.corp_id),
            _words("FromUserName", "sys" if corp_wide else said.user),
            _plain("CreateTime", int(said.at)),
            _content(said.content),
            _plain("MsgId", said.msg_id) if said.msg_id else "",
            "" if corp_wide else _plain("AgentID", app.agent_id),
            "</xml>",
        )
    )


def envelope_xml(app: App, encrypted: str) -> str:
    """Write the body of the POST around an encrypted message."""
    return (
        f"<xml>{_words('ToUserName', app.corp_id)}{_words('AgentID', str(app.agent_id))}"
        f"{_words('Encrypt', encrypted)}</xml>"
    )


def is_message(content: Content) -> bool:
    """Whether WeCom gives it a MsgId: events have none."""
    match content:
        case Text() | Image() | Voice() | Video() | File() | Location() | Link() | UnknownMessage():
            return True
        case (
            Subscribed()
            | Unsubscribed()
            | Entered()
            | Clicked()
            | Viewed()
            | Scanned()
            | Position()
            | CardActed()
            | PlatformNotice()
            | Feedback()
            | UnknownEvent()
        ):
            return False


def _content(content: Content) -> str:  # noqa: C901, PLR0911, PLR0912 - one line a kind
    match content:
        case Text(text):
            return _type("text") + _words("Content", text)
        case Image(media_id):
            return _type("image") + _words("PicUrl", "") + _words("MediaId", media_id)
        case Voice(media_id, encoding):
            return _type("voice") + _words("MediaId", media_id) + _words("Format", encoding)
        case Video(media_id):
            return _type("video") + _words("MediaId", media_id) + _words("ThumbMediaId", "")
        case File(media_id, name):
            # Not in Tencent's page for self-built apps; written as programs that report to get it say.
            return _type("file") + _words("MediaId", media_id) + _words("FileName", name)
        case Location():
            return _type("location") + _location(content)
        case Link(title, description, url):
            return (
                _type("link")
                + _words("Title", title)
                + _words("Description", description)
                + _words("Url", url)
                + _words("PicUrl", "")
            )
        case UnknownMessage(name):
            return _type(name)
        case Subscribed():
            return _event("subscribe") + _words("EventKey", "")
        case Unsubscribed():
            return _event("unsubscribe") + _words("EventKey", "")
        case Entered():
            return _event("enter_agent") + _words("EventKey", "")
        case Clicked(key):
            return _event("click") + _words("EventKey", key)
        case Viewed(url):
            return _event("view") + _words("EventKey", url)
        case Scanned(key, result):
            scan = _words("ScanType", "qrcode") + _words("ScanResult", result)
            return _event("scancode_waitmsg") + _words("EventKey", key) + f"<ScanCodeInfo>{scan}</ScanCodeInfo>"
        case Position(latitude, longitude, precision):
            return (
                _event("LOCATION")
                + _plain("Latitude", _degrees(latitude))
                + _plain("Longitude", _degrees(longitude))
                + _plain("Precision", _degrees(precision))
                + _words("AppType", "wxwork")
            )
        case CardActed():
            return _event("template_card_event") + _card(content)
        case PlatformNotice(name):
            return _event(name)
        case Feedback():
            # An application's messages have no thumbs.
            return _event("feedback")
        case UnknownEvent(name):
            return _event(name) + _words("EventKey", "")


def _location(place: Location) -> str:
    return (
        _plain("Location_X", _degrees(place.latitude))
        + _plain("Location_Y", _degrees(place.longitude))
        + _plain("Scale", 20)
        + _words("Label", place.label)
        + _words("AppType", "wxwork")
    )


def _card(acted: CardActed) -> str:
    selected = "".join(
        f"<SelectedItem>{_words('QuestionKey', question)}"
        f"<OptionIds>{''.join(_words('OptionId', option) for option in options)}</OptionIds></SelectedItem>"
        for question, options in acted.selected
    )
    return (
        _words("EventKey", acted.key)
        + _words("TaskId", acted.task_id)
        + _words("CardType", acted.card_type)
        + _words("ResponseCode", acted.response_code)
        + f"<SelectedItems>{selected}</SelectedItems>"
    )


def _type(name: str) -> str:
    return _words("MsgType", name)


def _event(name: str) -> str:
    return _words("MsgType", "event") + _words("Event", name)


def _words(tag: str, text: str) -> str:
    # The one thing CDATA cannot hold is its own end.
    return f"<{tag}><![CDATA[{legal_text(text).replace(']]>', ']]]]><![CDATA[>')}]]></{tag}>"


def _degrees(number: float) -> str:
    # Never 1e-07, which no SDK reads.
    return f"{number:.6f}"


def _plain(tag: str, value: object) -> str:
    return f"<{tag}>{value}</{tag}>"
