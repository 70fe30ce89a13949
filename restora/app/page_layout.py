"""The components of the page, and where they are."""

import gradio as gr

from restora.work.fix import NORMAL, STRENGTHS
from restora.work.plan import GREATEST


class Layout:
    """The components, which the events of the page read and change."""

    def lay_out_start(self) -> None:
        """Before a picture is chosen."""
        self.upload = gr.File(file_count="multiple", label="Photographs", elem_id="drop", height=260)
        gr.HTML('<p class="restora-note">or try one of these</p>')
        self.gallery = gr.Gallery(
            columns=3, allow_preview=False, show_label=False, format="png", buttons=[], elem_id="samples", height="auto"
        )

    def lay_out_picture(self) -> None:
        """The picture, before and after, and what can be downloaded."""
        self.picture = gr.Image(
            format="png", interactive=False, show_label=False, buttons=["fullscreen"], elem_id="before"
        )
        self.compare = gr.ImageSlider(
            format="png", interactive=False, show_label=False, buttons=["fullscreen"], visible=False, max_height=900,
            elem_id="compare",
        )  # fmt: skip
        self.pile = gr.Gallery(
            columns=3, show_label=False, format="png", buttons=[], visible=False, elem_id="pile", height="auto"
        )
        self.tools = gr.HTML(elem_id="tools")  # tools of the brush; the canvas exists as long as they do
        self.strokes = gr.Textbox(visible=False)  # filled in by the browser when Restore is pressed
        self.hint = gr.HTML(elem_id="hint")
        with gr.Row(visible=False, elem_id="take") as self.take:
            self.download = gr.DownloadButton("Download", variant="primary", elem_id="download")
            self.report = gr.DownloadButton("Report", elem_id="report")
        with gr.Row(visible=False, elem_id="found") as self.found:
            with gr.Column(min_width=280):
                self.kernel = gr.HTML()
            self.take_kernel = gr.DownloadButton("Download the kernel", size="md", elem_id="kernel")
        self.scores = gr.HTML(elem_id="scores")

    def lay_out_side(self) -> None:
        """What was found, and what to do."""
        self.findings = gr.HTML(elem_id="findings")
        self.status = gr.HTML(elem_id="status")
        self.go = gr.Button("Restore", variant="primary", size="lg", elem_id="go")
        self.stop = gr.Button("Cancel", size="lg", visible=False, elem_id="stop")
        with gr.Row(elem_id="more", equal_height=True):
            self.blur = gr.Button("It is blurred", size="md", visible=False, elem_id="blur")
            self.mark = gr.Button("Mark scratches or holes", size="md", visible=False, elem_id="mark")
        self.scale = gr.Slider(
            1, GREATEST, 1, step=0.5, label="Size", info="how many times larger; 1: no change", elem_id="scale"
        )
        self.strength = gr.Radio(
            [(name.capitalize(), name) for name in STRENGTHS],
            value=NORMAL,
            label="How much",
            elem_id="strength",
            info="amount of noise and JPEG blocks to remove",
        )
        self.plan = gr.Accordion("The plan", open=True, elem_id="plan")
        with gr.Accordion("Compare with a clean reference", open=False, elem_id="reference") as self.against:
            self.reference = gr.File(label="The same picture without damage", height=120)
        self.another = gr.Button("Another picture", size="lg", elem_id="again")
