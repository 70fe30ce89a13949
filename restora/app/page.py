"""The web page: drop a photograph, read the findings, change the plan, restore, compare, download.

It does what the API does, with the same functions, jobs and limits; uploads are in a folder of their own.
"""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import gradio as gr

from restora.app import phrases
from restora.app.marks import History
from restora.app.page_items import Item, cards, facts
from restora.app.page_jobs import own_file
from restora.app.page_layout import Updates
from restora.app.page_marks import Marking
from restora.app.page_plan import QUIET
from restora.app.page_restore import Restoring
from restora.app.samples import samples
from restora.core.errors import RestoraError, Truncated


class Page(Restoring, Marking):
    """The events of the page."""

    def wire(self) -> None:
        """Wire the events."""
        self.blocks.load(self.offered, None, self.gallery, **QUIET)
        self.makes_a_draft(self.upload.upload, self.look, [self.upload], self.outputs)
        self.makes_a_draft(self.salvage.click, partial(self.look, salvage=True), [self.came], self.outputs)
        self.makes_a_draft(self.gallery.select, self.try_sample, [], self.outputs)
        self.makes_a_draft(self.another.click, self.begin_again, [self.job], self.outputs)
        self.wire_plan()
        self.wire_marks()
        self.wire_restoring()

    def offered(self) -> list[tuple[str, str]]:
        """The samples as gallery items."""
        return [(str(sample.damaged), sample.caption) for sample in samples(self.jobs.page / "samples")]

    def try_sample(self, choice: gr.SelectData) -> Iterator[Updates]:
        """Open a sample; its clean original becomes the reference."""
        sample = samples(self.jobs.page / "samples")[choice.index]
        for updates in self.look([str(sample.damaged)], sample.scale):
            yield updates | {self.reference: str(sample.clean)}

    def begin_again(self, key: str = "") -> Updates:
        """The initial page; a pending job is cancelled."""
        self.jobs.cancel(key)
        return self._nothing() | {self.start: gr.update(visible=True), self.desk: gr.update(visible=False)}

    def _nothing(self) -> Updates:
        """No picture, no plan, no result."""
        hidden = gr.update(visible=False)
        return {
            **{self.sights: [], self.items: [], self.job: "", self.upload: None, self.reference: None},
            **dict.fromkeys((self.trouble, self.status, self.scores, self.findings, self.hint), ""),
            **dict.fromkeys((self.facts, self.cards, self.tools), ""),
            **{self.scale: gr.update(value=1, visible=False), self.stop: hidden, self.history: History()},
            **{self.picture: gr.update(value=None, visible=False), **self.drafted(None, [])},
            **dict.fromkeys((self.go, self.mark, self.blur, self.question, self.found, self.marked, self.back), hidden),
            **dict.fromkeys((self.plan, self.against, self.another), hidden),
        }

    def look(self, paths: list[str] | None, scale: float = 1, salvage: bool = False) -> Iterator[Updates]:
        """Show the uploaded pictures, what is wrong with them, and the plan to restore and enlarge them by the scale.

        A picture is displayed before it is examined. If a file is truncated, ask whether to use the part that is
        present; with `salvage`, use it.
        """
        files = [Path(path) for path in paths or []]
        shown = {self.start: gr.update(visible=False), self.desk: gr.update(visible=True)}
        yield self._nothing() | shown | {self.status: phrases.progress("Opening …")}
        items: list[Item] = []
        refused: list[str] = []
        truncated: list[str] = []
        if len(files) > self.jobs.most_waiting:
            refused, files = [f"at most {self.jobs.most_waiting} pictures can be uploaded at once"], []
        for number, path in enumerate(files, 1):
            begun = len(items)
            which = f" ({number} of {len(files)})" if len(files) > 1 else ""
            try:
                own = own_file(path, self.jobs)
                for now in self.examined(own, path.name, salvage):
                    if isinstance(now, Item):
                        items = [*items[:begun], now]
                        yield {self.facts: facts(items), self.cards: cards(items)}
                    else:
                        yield {self.status: phrases.progress(f"{now.words}{which} …", now.done, now.total)}
            except Truncated:
                truncated, items = [*truncated, path.name], items[:begun]
            except RestoraError as error:
                refused, items = [*refused, self.jobs.public(str(error))], items[:begun]
        trouble: Updates = {self.trouble: phrases.trouble("; ".join(refused))}
        if truncated:
            trouble |= {self.came: list(map(str, files)), self.asked: phrases.truncated(truncated)}
            trouble |= {self.question: gr.update(visible=True)}
        if not items:
            yield self.begin_again() | trouble
            return
        try:
            yield trouble | self.seen(items, scale)
        except RestoraError as error:
            yield self.begin_again() | {self.trouble: phrases.trouble(self.jobs.public(str(error)))}
