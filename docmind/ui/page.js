// Two things that Streamlit has no means for. No data from documents or models ever comes in here.
export default function ({ setTriggerValue }) {
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
  return () => document.removeEventListener("click", open, true);
}
