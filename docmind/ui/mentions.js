// The list of names that opens while @ or # is typed in the question. Names come in as data and are
// set as text only; what is chosen goes into the input as if it had been typed.
const LONGEST = 60; // characters of a name that is being typed
const WAIT = 90; // milliseconds without a key before names are asked for

let number = 0; // of the last request; an answer to an earlier one is too late
let mention = null; // what is being typed: {mark, text, start, end}
let offers = [];
let active = 0;
let timer = 0;
let ask = () => {};
let began = false; // whether what was typed before this script was there has been looked at

const input = () => document.querySelector('[data-testid="stChatInputTextArea"]');

function mentionAtCaret(field) {
  const end = field.selectionStart;
  if (end !== field.selectionEnd) return null;
  const before = field.value.slice(0, end);
  const found = before.match(/(?:^|[\s(["'“„])([@#])([^@#\n]*)$/);
  if (!found || found[2].length > LONGEST || /^\s/.test(found[2])) return null;
  return { mark: found[1], text: found[2], start: end - found[2].length, end };
}

function close() {
  document.getElementById("docmind-mentions")?.remove();
  const field = input();
  for (const name of ["aria-controls", "aria-activedescendant", "aria-autocomplete"])
    field?.removeAttribute(name);
  offers = [];
}

function draw() {
  const field = input();
  if (!field || !mention || !offers.length) return close();
  let list = document.getElementById("docmind-mentions");
  if (!list) {
    list = document.createElement("ul");
    list.id = "docmind-mentions";
    list.setAttribute("role", "listbox");
    document.querySelector(".stApp").append(list);
  }
  list.setAttribute("aria-label", mention.mark === "@" ? "Documents" : "Collections and tags");
  list.replaceChildren(
    ...offers.map((offer, index) => {
      const item = document.createElement("li");
      item.id = `docmind-mention-${index}`;
      item.setAttribute("role", "option");
      item.setAttribute("aria-selected", String(index === active));
      const name = document.createElement("span");
      name.textContent = mention.mark + offer.name;
      const detail = document.createElement("small");
      detail.textContent = offer.detail;
      item.append(name, detail);
      // Not click: the input would lose the focus first.
      item.addEventListener("mousedown", (event) => {
        event.preventDefault();
        choose(index);
      });
      return item;
    })
  );
  const box = field.closest('[data-testid="stChatInput"]').getBoundingClientRect();
  list.style.left = `${box.left}px`;
  list.style.maxWidth = `${box.width}px`;
  list.style.bottom = `${window.innerHeight - box.top + 6}px`;
  field.setAttribute("aria-autocomplete", "list");
  field.setAttribute("aria-controls", list.id);
  field.setAttribute("aria-activedescendant", `docmind-mention-${active}`);
}

function choose(index) {
  const field = input();
  const name = `${offers[index].name} `;
  const text = field.value.slice(0, mention.start) + name + field.value.slice(mention.end);
  const set = Object.getOwnPropertyDescriptor(HTMLTextAreaElement.prototype, "value").set;
  const caret = mention.start + name.length;
  mention = null;
  close();
  set.call(field, text);
  field.dispatchEvent(new Event("input", { bubbles: true }));
  field.focus();
  field.setSelectionRange(caret, caret);
}

function typed(event) {
  if (event.target !== input()) return;
  mention = mentionAtCaret(event.target);
  clearTimeout(timer);
  number += 1;
  if (!mention) return close();
  timer = setTimeout(() => ask({ number, mark: mention.mark, text: mention.text }), WAIT);
}

function pressed(event) {
  if (!offers.length || event.target !== input() || event.isComposing) return;
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (step) {
    active = (active + step + offers.length) % offers.length;
    draw();
  } else if (event.key === "Enter" || event.key === "Tab") choose(active);
  else if (event.key === "Escape") close();
  else return;
  // The question is not sent, and an answer that is being written not stopped.
  event.preventDefault();
  event.stopImmediatePropagation();
}

const left = (event) => event.target === input() && close();

export default function ({ data, setTriggerValue }) {
  ask = (value) => setTriggerValue("typed", value);
  if (!began && document.activeElement && document.activeElement === input()) typed({ target: input() });
  began = true;
  if (mention && data.number === number) {
    offers = data.offers;
    active = 0;
    draw();
  }
  window.addEventListener("input", typed, true);
  window.addEventListener("keydown", pressed, true);
  window.addEventListener("focusout", left, true);
  return () => {
    window.removeEventListener("input", typed, true);
    window.removeEventListener("keydown", pressed, true);
    window.removeEventListener("focusout", left, true);
  };
}
