// A button beside every secret that copies it.
(() => {
  if (!navigator.clipboard) return;
  for (const secret of document.querySelectorAll("code.secret")) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = "Copy";
    const name = secret.closest("div")?.querySelector("dt");
    if (name) button.setAttribute("aria-label", "Copy " + name.textContent);
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(secret.textContent);
      button.textContent = "Copied";
    });
    secret.after(button);
  }
})();
