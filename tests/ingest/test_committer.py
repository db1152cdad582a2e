from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from clustertrace.errors import StoreBusy, StoreError
from clustertrace.ingest import pacing
from clustertrace.ingest.committer import Committer, QueueFull
from clustertrace.model import Batch, Span


def batch(number: int, spans: int = 1) -> Batch:
    return Batch(
        [
            Span(f"{number:032x}", f"{at:016x}", None, f"span {number}", "chain", "ok", 1, 2)
            for at in range(1, spans + 1)
        ],
        [],
    )


def run(store: Any, work: Callable[[Committer], Awaitable[None]], **options: Any) -> None:
    """Do something with a committer that writes into `store`."""

    async def all_of_it() -> None:
        committer = Committer(**options)
        committer.start(store)
        try:
            await asyncio.wait_for(work(committer), 20)
        finally:
            store.open.set()
            await asyncio.to_thread(committer.close)

    asyncio.run(all_of_it())


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110 - the thread that it waits for has no events
            await asyncio.sleep(0.001)


def test_answer_follows_commit(fake_store: Any) -> None:
    """A commit returns when its spans are written, not before."""

    async def work(committer: Committer) -> None:
        fake_store.open.clear()
        waiting = asyncio.create_task(committer.commit(batch(1)))
        await until(lambda: committer.waiting == 1)
        await asyncio.sleep(0)
        assert not waiting.done()
        fake_store.open.set()
        await waiting
        assert [span.name for span in fake_store.written[0].spans] == ["span 1"]
        assert (committer.waiting, committer.stored) == (0, 1)

    run(fake_store, work)


def test_group_commit(fake_store: Any) -> None:
    """Requests that wait together share a commit, and none is lost or doubled."""

    async def work(committer: Committer) -> None:
        fake_store.open.clear()
        tasks = [asyncio.create_task(committer.commit(batch(n))) for n in range(1, 201)]
        await until(lambda: committer.waiting == 200)
        fake_store.open.set()
        await asyncio.gather(*tasks)
        names = [span.name for written in fake_store.written for span in written.spans]
        assert sorted(names) == sorted(f"span {n}" for n in range(1, 201))
        assert len(fake_store.written) <= 2

    run(fake_store, work)


def test_full_queue(fake_store: Any) -> None:
    """Past the limit a request is refused, except that a large one alone always fits."""

    async def work(committer: Committer) -> None:
        fake_store.open.clear()
        first = asyncio.create_task(committer.commit(batch(1, spans=50)))
        await until(lambda: committer.waiting == 50)
        # The writer holds the first, so the second stands alone in the queue.
        await until(lambda: not committer._queue)
        second = asyncio.create_task(committer.commit(batch(2, spans=50)))
        await until(lambda: committer.waiting == 100)
        with pytest.raises(QueueFull, match="try again"):
            await committer.commit(batch(3))
        fake_store.open.set()
        await asyncio.gather(first, second)
        await committer.commit(batch(3))

    run(fake_store, work, max_waiting=20)


def test_one_bad_batch_costs_no_other(fake_store: Any) -> None:
    """When a shared commit fails, each request is tried by itself."""

    def fail(written: Batch) -> Exception | None:
        bad = any(span.name == "span 2" for span in written.spans)
        return ValueError("a poisoned span") if bad else None

    async def work(committer: Committer) -> None:
        fake_store.open.clear()
        fake_store.fail = fail
        tasks = [asyncio.create_task(committer.commit(batch(n))) for n in (1, 2, 3)]
        await until(lambda: committer.waiting == 3)
        fake_store.open.set()
        done = await asyncio.gather(*tasks, return_exceptions=True)
        assert [type(one) for one in done] == [type(None), ValueError, type(None)]
        assert committer.stored == 2

    run(fake_store, work)


def test_busy_store(fake_store: Any) -> None:
    """A busy database fails all that wait, once; the next commit may succeed."""
    tries: list[Batch] = []

    def fail(written: Batch) -> Exception | None:
        tries.append(written)
        return StoreBusy("locked") if len(tries) == 1 else None

    async def work(committer: Committer) -> None:
        fake_store.fail = fail
        with pytest.raises(StoreBusy):
            await committer.commit(batch(1))
        assert committer.trouble == "locked"
        await committer.commit(batch(1))
        assert committer.trouble is None

    run(fake_store, work)


def test_trouble_of_chores_ends_with_them(fake_store: Any) -> None:
    """Without any request, a database that works again is said to; until then the same is said."""
    away, slices = True, 0

    def settle(*, limit: int) -> int:
        nonlocal slices
        slices += 1
        if away:
            raise StoreBusy("away")
        return 0

    async def work(committer: Committer) -> None:
        nonlocal away
        fake_store.settle = settle
        await until(lambda: committer.trouble == "away")
        seen = slices
        await until(lambda: slices > seen + 1)
        assert committer.trouble == "away"
        away = False
        await until(lambda: committer.trouble is None)

    run(fake_store, work)


def test_chores_that_go_well_do_not_hide_a_commit_that_did_not(fake_store: Any) -> None:
    """On a full disk nothing is to be settled; what was refused is still said."""

    async def work(committer: Committer) -> None:
        fake_store.fail = lambda written: StoreError("full")
        with pytest.raises(StoreError):
            await committer.commit(batch(1))
        seen = fake_store.calls.count("settle")
        await until(lambda: fake_store.calls.count("settle") > seen + 2)
        assert committer.trouble == "full"

    run(fake_store, work)


def test_chores_go_on(fake_store: Any) -> None:
    """Spools, settling and the text index get their turns, with and without requests."""

    async def work(committer: Committer) -> None:
        await until(lambda: {"drain", "settle", "index", "note"} <= set(fake_store.calls))
        fake_store.calls.clear()
        while not {"drain", "settle", "index", "note"} <= set(fake_store.calls):
            await committer.commit(batch(1))

    run(fake_store, work)


def test_chores_follow_each_other(fake_store: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The writer waits for the next request after an answer, not after each slice of a chore."""
    monkeypatch.setattr(pacing, "LULL_SECONDS", 60.0)

    async def work(_committer: Committer) -> None:
        await until(lambda: {"drain", "settle", "index", "note"} <= set(fake_store.calls))

    run(fake_store, work)


def test_failing_chore(fake_store: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """A chore that fails is told once and stops nothing."""

    def settle(*, limit: int) -> int:
        fake_store.calls.append("settle")
        raise StoreError("the disk is full")

    async def work(committer: Committer) -> None:
        fake_store.settle = settle
        await until(lambda: fake_store.calls.count("settle") > 2)
        await committer.commit(batch(1))

    run(fake_store, work)
    assert fake_store.written
    assert "the disk is full" in capsys.readouterr().err


def test_close_commits_what_was_accepted(fake_store: Any) -> None:
    """Closing writes what waits and refuses what comes later."""

    async def work(committer: Committer) -> None:
        fake_store.open.clear()
        task = asyncio.create_task(committer.commit(batch(1)))
        await until(lambda: committer.waiting == 1)
        closing = asyncio.create_task(asyncio.to_thread(committer.close))
        await until(lambda: committer._closing)
        with pytest.raises(StoreBusy, match="stopping"):
            await committer.commit(batch(2))
        fake_store.open.set()
        await asyncio.gather(task, closing)
        assert len(fake_store.written) == 1

    run(fake_store, work)


def test_close_before_start() -> None:
    """What waits for a store that never opens is told so."""

    async def work() -> None:
        committer = Committer()
        task = asyncio.create_task(committer.commit(batch(1)))
        await until(lambda: committer.waiting == 1)
        committer.close()
        with pytest.raises(StoreBusy):
            await task

    asyncio.run(work())


def test_news_of_spans(fake_store: Any) -> None:
    """Spans that are stored are news, whichever way they came; failed ones are none."""
    news: list[str] = []

    async def work(committer: Committer) -> None:
        await committer.commit(batch(1))
        assert len(news) == 1
        fake_store.fail = lambda batch: StoreError("no")
        with pytest.raises(StoreError):
            await committer.commit(batch(2))
        assert len(news) == 1
        fake_store.drained = 1
        await until(lambda: len(news) == 2)

    run(fake_store, work, received=lambda: news.append("x"))
