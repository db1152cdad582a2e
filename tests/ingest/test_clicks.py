"""What open pages say, told apart; the messages are made by Streamlit's own classes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ClientState_pb2 import ClientState

from clustertrace.ingest.clicks import is_user_action


def state(**fields: object) -> ClientState:
    """A page's state, with something on it that was used."""
    state = ClientState(query_string="id=1", page_name="trace", **fields)  # type: ignore[arg-type]
    state.widget_states.widgets.add(id="w", double_value=1.5)
    state.context_info.timezone = "Europe/Berlin"
    return state


@pytest.mark.parametrize("fields", [{}, {"fragment_id": "f"}, {"is_history_navigation": True}])
def test_pages_that_are_opened_or_used(fields: dict[str, object]) -> None:
    """The whole page or a part of it runs again because somebody did something."""
    assert is_user_action(BackMsg(rerun_script=state(**fields)).SerializeToString())


@pytest.mark.parametrize(
    "message",
    [
        BackMsg(rerun_script=state(fragment_id="f", is_auto_rerun=True)),
        BackMsg(app_heartbeat=True),
        BackMsg(load_git_info=True),
        BackMsg(),
    ],
)
def test_pages_that_only_stand_there(message: BackMsg) -> None:
    """Parts that renew themselves, and heartbeats, are nobody's doing."""
    assert not is_user_action(message.SerializeToString())


@given(st.binary(max_size=40))
def test_anything_may_come(message: bytes) -> None:
    """What is no such message never raises."""
    assert is_user_action(message) in (True, False)


@given(st.data())
def test_a_message_that_is_cut_short_is_nobodys(data: st.DataObject) -> None:
    """A message that ends early can not be read, and is taken for no click of a user."""
    whole = BackMsg(rerun_script=state()).SerializeToString()
    assert not is_user_action(whole[: data.draw(st.integers(0, len(whole) - 1))])
