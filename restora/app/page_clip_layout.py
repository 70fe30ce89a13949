"""The components of the page for clips, and where they are."""

from threading import Semaphore
from typing import Any

import gradio as gr

from restora.app import clip_phrases
from restora.app.guard import Bounds
from restora.app.page_progress import Pace
from restora.app.views import Views
from restora.work.fix import NORMAL, STRENGTHS
from restora.work.jobs import Jobs
from restora.work.plan import GREATEST

Updates = dict[Any, Any]
"""New values and properties of components."""


class ClipLayout:
    """The components; start: the column of the page before anything was chosen, where clips are chosen too."""

    def __init__(self, jobs: Jobs, bounds: Bounds, slots: Semaphore, views: Views, start: gr.Column) -> None:
        self.jobs, self.slots, self.views, self.start, self.pace = jobs, slots, views, start, Pace()
        self.clip, self.job, self.came = gr.State(None), gr.State(""), gr.State("")
        with start:
            gr.HTML(clip_phrases.limits(bounds.bytes, jobs.limits), elem_id="clip-limits")
            self.upload = gr.File(file_count="single", label="A clip", elem_id="clip-drop", height=110)
        self.trouble = gr.HTML(elem_id="clip-trouble")
        with gr.Row(visible=False, elem_id="clip-question") as self.question:
            self.asked = gr.HTML()
            self.salvage = gr.Button("Restore the frames that are present", size="md", elem_id="clip-salvage")
        with gr.Row(elem_id="clip-desk", visible=False) as self.desk:
            with gr.Column(scale=5, min_width=320, elem_id="clip-sight"):
                gr.HTML('<div id="clip-viewer"></div>')  # filled by clips.js, from the facts
                self.facts = gr.HTML(elem_id="clip-facts")
                self.videos = gr.HTML(elem_id="clip-videos")
            with gr.Column(scale=3, min_width=320, elem_id="clip-side"):
                self.lay_out_side()
        self.outputs = [
            *(self.clip, self.job, self.came, self.start, self.upload, self.trouble, self.question, self.asked),
            *(self.desk, self.facts, self.videos, self.findings, self.status, self.take, self.what, self.strength),
            *(self.scale, self.factor, self.try_it, self.go, self.stop, self.another),
        ]
        self.wire()

    def lay_out_side(self) -> None:
        """What was found, and what to do."""
        self.findings = gr.HTML(elem_id="clip-findings")
        self.what = gr.Radio(list(clip_phrases.WHAT), value="repair", label="What to do", elem_id="clip-what")
        self.strength = gr.Radio(
            [(name.capitalize(), name) for name in STRENGTHS], value=NORMAL, label="How much", elem_id="clip-strength"
        )
        self.scale = gr.Slider(
            1, GREATEST, 1, step=0.5, label="Size", info="how many times larger; 1: no change", elem_id="clip-scale"
        )
        self.factor = gr.Radio(
            [(f"{times} times as many", times) for times in (2, 3, 4)], value=2, label="Frames", elem_id="clip-factor",
            visible=False,
        )  # fmt: skip
        self.status = gr.HTML(elem_id="clip-status")
        self.take = gr.HTML(elem_id="clip-take")
        self.try_it = gr.Button("Preview one second", variant="primary", size="lg", elem_id="clip-try")
        self.go = gr.Button("Restore all of it", size="lg", elem_id="clip-go")
        self.stop = gr.Button("Cancel", size="lg", visible=False, elem_id="clip-stop")
        self.another = gr.Button("Another clip or picture", size="lg", elem_id="clip-again")

    def wire(self) -> None:
        """Wire the events."""
