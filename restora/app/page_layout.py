"""The components of the page, and where they are."""

from threading import Semaphore
from typing import Any

import gradio as gr

from restora.app import phrases
from restora.app.guard import Bounds
from restora.app.marks import History
from restora.app.page_clips import ClipSection
from restora.app.views import Views
from restora.work.jobs import Jobs
from restora.work.plan import GREATEST

Updates = dict[Any, Any]
"""New values and properties of components."""


class Layout:
    """The components, which the events of the page read and change."""

    def __init__(self, jobs: Jobs, bounds: Bounds, slots: Semaphore, views: Views) -> None:
        self.jobs, self.bounds, self.slots, self.views = jobs, bounds, slots, views
        self.minutes = jobs.keep_seconds / 60
        with gr.Blocks(title="Restora", analytics_enabled=False) as self.blocks:
            self.sights, self.draft, self.job = gr.State([]), gr.State(None), gr.State("")
            self.items, self.history = gr.State([]), gr.State(History())
            self.came = gr.State([])  # uploads that include a truncated file
            gr.HTML(phrases.TITLE)
            self.trouble = gr.HTML(elem_id="trouble")
            with gr.Row(visible=False, elem_id="question") as self.question:
                self.asked = gr.HTML()
                self.salvage = gr.Button("Restore the part that is present", size="md", elem_id="salvage")
            with gr.Column(elem_id="start") as self.start:
                self.lay_out_start()
            with gr.Row(elem_id="desk", visible=False) as self.desk:
                with gr.Column(scale=5, min_width=320, elem_id="sight"):
                    self.lay_out_picture()
                with gr.Column(scale=3, min_width=320, elem_id="side"):
                    self.lay_out_side()
            ClipSection(jobs, bounds, slots, views, self.start)
            gr.HTML(phrases.FOOT.format(minutes=self.minutes))
            self.outputs = [
                *(self.sights, self.items, self.draft, self.job, self.history, self.came),
                *(self.trouble, self.question, self.asked, self.start, self.desk, self.upload),
                *(self.facts, self.cards, self.picture, self.tools, self.hint, self.marked, self.take_mask, self.back),
                *(self.found, self.kernel, self.take_kernel, self.scores, self.findings, self.status),
                *(self.go, self.stop, self.blur, self.mark, self.scale, self.plan, self.form, self.kernel_file),
                *(self.drawn, self.against, self.reference, self.another),
            ]
            self.wire()
        self.blocks.queue(max_size=4 * jobs.most_waiting, default_concurrency_limit=bounds.at_once)

    def wire(self) -> None:
        """Wire the events."""

    def lay_out_start(self) -> None:
        """Before a picture is chosen."""
        self.upload = gr.File(file_count="multiple", label="Photographs", elem_id="drop", height=260)
        gr.HTML(phrases.limits(self.jobs.most_waiting, self.bounds.bytes, self.jobs.limits.pixels))
        self.gallery = gr.Gallery(
            columns=3, allow_preview=False, show_label=False, format="png", buttons=[], elem_id="samples", height="auto"
        )

    def lay_out_picture(self) -> None:
        """The picture, before and after, and how much of the change is applied."""
        gr.HTML('<div id="viewer"></div>')  # filled by compare.js, from the facts
        self.facts = gr.HTML(elem_id="facts")
        self.picture = gr.Image(
            format="png", interactive=False, show_label=False, buttons=["fullscreen"], visible=False, elem_id="before"
        )
        self.tools = gr.HTML(elem_id="tools")  # tools of the brush; the canvas exists as long as they do
        self.strokes = gr.Textbox(visible=False)  # filled in by the browser when Restore is pressed
        self.hint = gr.HTML(elem_id="hint")
        self.amounts = gr.HTML(phrases.AMOUNTS, elem_id="amounts", js_on_load="restoraAmounts(element, trigger)")
        self.wanted = gr.Textbox(visible=False)  # a strength, filled in by the browser
        self.shown = gr.Textbox(visible=False)  # which share of the change is displayed, filled in by the browser
        self.cards = gr.HTML(elem_id="cards")
        with gr.Row(visible=False, elem_id="marked") as self.marked:
            self.edit = gr.Button("Edit the marks", size="md", elem_id="edit")
            self.take_mask = gr.DownloadButton("Download the marks", size="md", elem_id="mask")
        self.back = gr.Button("Back to the original", size="md", visible=False, elem_id="back")
        with gr.Row(visible=False, elem_id="found") as self.found:
            with gr.Column(min_width=280):
                self.kernel = gr.HTML()
            self.take_kernel = gr.DownloadButton("Download the kernel", size="md", elem_id="kernel")
        self.scores = gr.HTML(elem_id="scores")

    def lay_out_side(self) -> None:
        """What was found, and what to do."""
        self.findings = gr.HTML(elem_id="findings")
        with gr.Column(elem_id="act"):
            self.status = gr.HTML(elem_id="status")
            gr.HTML(phrases.TAKE, elem_id="take")
            self.go = gr.Button("Restore", variant="primary", size="lg", elem_id="go")
            self.stop = gr.Button("Cancel", size="lg", visible=False, elem_id="stop")
        with gr.Row(elem_id="more", equal_height=True):
            self.blur = gr.Button("It is blurred", size="md", visible=False, elem_id="blur")
            self.mark = gr.Button("Mark scratches or holes", size="md", visible=False, elem_id="mark")
        self.scale = gr.Slider(
            1,
            GREATEST,
            1,
            step=0.5,
            label="Size",
            info="how many times larger; 1: no change",
            elem_id="scale",
            visible=False,
        )
        with gr.Accordion("The plan", open=True, elem_id="plan") as self.plan:
            self.form = gr.HTML(js_on_load="restoraListen(element, trigger)")
            self.kernel_file = gr.File(
                label="The kernel: a grey picture with odd sides", height=110, visible=False, elem_id="kernel-file"
            )
            self.drawn = gr.HTML(elem_id="kernel-drawn")  # a new preview for the form
        self.values = gr.Textbox(visible=False)  # of the form; filled in by the browser when an event reads it
        with gr.Accordion("Compare with a clean reference", open=False, elem_id="reference") as self.against:
            self.reference = gr.File(label="The same picture without damage", height=120)
        self.another = gr.Button("Another picture", size="lg", visible=False, elem_id="again")
