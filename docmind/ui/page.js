// What Streamlit has no means for. Of documents and models only a text comes in here that
// the user copies: it goes into the clipboard, never into the page.
let copied = 0; // number of the last text that was copied
let running = false; // whether an answer is being written
let atEnd = false; // whether the end of the page is in view
let until = 0; // till then it is kept there: what was changed is drawn piece by piece

// A metric's chart only repeats its figure as a picture, and its marks have no names.
function hideCharts() {
  for (const chart of document.querySelectorAll('[data-testid="stMetricChart"]:not([aria-hidden])'))
    chart.setAttribute("aria-hidden", "true");
}

// A field for files is called decoration, and has a name and can be focused all the same.
function nameDropFields() {
  for (const field of document.querySelectorAll('[data-testid="stFileUploaderDropzone"][role="presentation"]'))
    field.setAttribute("role", "group");
}

// A table that is wider than the page is scrolled by keys as well.
function focusTables() {
  for (const table of document.querySelectorAll('[data-testid="stTable"] > div:not([tabindex])'))
    if (table.scrollWidth > table.clientWidth) table.tabIndex = 0;
}

// Dialogs and menus stand outside the app's element, which alone has the theme's colour scheme.
function spreadScheme() {
  const app = document.querySelector(".stApp");
  if (!app) return;
  const scheme = getComputedStyle(app).colorScheme;
  if (document.body.style.colorScheme !== scheme) document.body.style.colorScheme = scheme;
}

function follow() {
  hideCharts();
  nameDropFields();
  focusTables();
  spreadScheme();
  const box = document.querySelector('[data-testid="stAppScrollToBottomContainer"]');
  const now = Boolean(box?.querySelector(".st-key-stop-turn"));
  if (now !== running && (now || atEnd)) until = Date.now() + 1500;
  if (Date.now() < until) box?.scrollTo(0, box.scrollHeight);
  running = now;
  atEnd = Boolean(box) && box.scrollHeight - box.scrollTop - box.clientHeight < 100;
}

async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    // Not allowed, or the page came without TLS from another machine: the old way.
    const field = document.createElement("textarea");
    field.value = text;
    field.style.position = "fixed";
    field.style.opacity = "0";
    document.body.append(field);
    field.select();
    const done = document.execCommand("copy");
    field.remove();
    return done;
  }
}

export default function ({ data, setTriggerValue }) {
  // 1. A content policy: whatever text ends up on the page, the browser loads nothing from other machines.
  if (!document.querySelector("meta[data-docmind]")) {
    const policy = document.createElement("meta");
    policy.httpEquiv = "Content-Security-Policy";
    policy.dataset.docmind = "";
    policy.content = [
      "img-src 'self' data: blob:",
      "media-src 'self' data: blob:",
      "font-src 'self' data:",
      `connect-src 'self' data: blob: ws://${location.host} wss://${location.host}`,
      "frame-src 'none'",
      "object-src 'none'",
      "form-action 'self'",
    ].join("; ");
    document.head.append(policy);
  }
  // 2. A click on a citation in an answer opens its passage.
  const open = (event) => {
    const link = event.target.closest?.('a[href^="#cite-"], a[href^="#unverified-"]');
    if (!link) return;
    event.preventDefault();
    event.stopPropagation();
    setTriggerValue("opened", link.getAttribute("href").replace(/^#[a-z]+-/, ""));
  };
  document.addEventListener("click", open, true);
  // 3. A question mark that is typed nowhere shows the keys.
  const help = (event) => {
    const types = event.target.closest?.("input, textarea, [contenteditable]");
    if (event.key === "?" && !types && !event.ctrlKey && !event.metaKey && !event.altKey)
      setTriggerValue("help", true);
  };
  document.addEventListener("keydown", help);
  // 4. A question that was just asked comes into view, and its stored answer takes the place of the running one there.
  const timer = setInterval(follow, 200);
  // 5. A text that the user wants copied goes into the clipboard, once.
  if (data.number > copied) {
    copied = data.number;
    copy(data.text).then((done) => done || setTriggerValue("refused", data.number));
  }
  return () => {
    clearInterval(timer);
    document.removeEventListener("click", open, true);
    document.removeEventListener("keydown", help);
  };
}
