for (const box of document.querySelectorAll(".scrub")) {
  const frames = [...box.querySelectorAll(".strip > figure")];
  if (frames.length < 2) continue;
  const slide = document.createElement("input");
  Object.assign(slide, { type: "range", min: 0, max: frames.length - 1, step: 1 });
  slide.value = frames.length - 1;
  slide.setAttribute("aria-label", box.dataset.label);
  const show = () => {
    frames.forEach((frame, place) => frame.classList.toggle("off", place !== +slide.value));
    slide.setAttribute("aria-valuetext", frames[+slide.value].innerText.trim());
  };
  slide.addEventListener("input", show);
  box.prepend(slide);
  box.classList.add("live");
  show();
}
