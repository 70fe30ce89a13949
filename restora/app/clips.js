// Clips: a frame before and after in a viewer of its own, and two videos that are played at the same time.
const clipNow = { told: "", viewer: null };

function readClip() {
  const told = document.querySelector("#clip-facts [data-clip]")?.dataset.clip ?? "";
  const place = document.getElementById("clip-viewer");
  if (!place || told === clipNow.told) return;
  clipNow.told = told;
  place.hidden = !told;
  if (!told) return;
  if (!clipNow.viewer || !place.firstElementChild) clipNow.viewer = new Viewer(place);
  clipNow.viewer.show(JSON.parse(told), true);
}

// The other video does what one is told to do.
const othersOf = (video) => [...video.closest(".restora-videos").querySelectorAll("video")].filter((each) => each !== video);
const followed = {
  play: (video, other) => other.paused && other.play(),
  pause: (video, other) => other.pause(),
  seeked: (video, other) => Math.abs(other.currentTime - video.currentTime) > 0.05 && (other.currentTime = video.currentTime),
};
for (const [type, follow] of Object.entries(followed)) {
  document.addEventListener(type, ({ target }) => {
    if (target.tagName === "VIDEO" && target.closest(".restora-videos")) othersOf(target).forEach((other) => follow(target, other));
  }, true);
}

const CLIPS = "video/*,.mp4,.m4v,.mov,.mkv,.webm,.avi,.mpg,.mpeg,.ts,.flv,.ogv,.mxf";
new MutationObserver(() => {
  const input = document.querySelector("#clip-drop input[type=file]");
  if (input && input.accept !== CLIPS) input.accept = CLIPS;
  readClip();
}).observe(document, { childList: true, subtree: true, attributes: true, attributeFilter: ["data-clip"] });
