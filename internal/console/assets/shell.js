// The keys that every page has, and menus that close by themselves.
(() => {
  const places = { o: "", c: "configurations", i: "inventory", w: "what-if", r: "sources", s: "settings" };
  const help = document.getElementById("keys");
  const off = document.getElementById("keys-off");
  const remembered = "reeve-keys-off";
  const writing = (at) => at.isContentEditable || /^(INPUT|SELECT|TEXTAREA)$/.test(at.tagName);
  let going = 0; // when g was pressed

  if (off) {
    off.checked = localStorage.getItem(remembered) === "1";
    off.addEventListener("change", () => localStorage.setItem(remembered, off.checked ? "1" : "0"));
  }

  const find = (event) => {
    const field = document.querySelector("main input[type=search]");
    if (!field) return;
    event.preventDefault();
    field.focus();
    field.select();
  };

  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") closeMenus(null);
    if (!help || help.open || event.ctrlKey || event.metaKey || event.altKey || writing(event.target)) return;
    if (event.key === "?") return help.showModal();
    if (off.checked) return;
    const soon = event.timeStamp - going < 1500;
    going = event.key === "g" ? event.timeStamp : 0;
    if (event.key === "/") find(event);
    else if (soon && Object.hasOwn(places, event.key)) location.assign("/console/" + places[event.key]);
  });

  const closeMenus = (but) => {
    for (const menu of document.querySelectorAll("details.menu[open]")) {
      if (menu === but) continue;
      if (menu.contains(document.activeElement)) menu.querySelector("summary").focus();
      menu.open = false;
    }
  };
  document.addEventListener("click", (event) => closeMenus(event.target.closest("details.menu")));
})();
