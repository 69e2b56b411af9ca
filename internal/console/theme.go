package console

import (
	"net/http"
	"time"
)

// themeCookie holds the colours that were chosen: light or dark.
const themeCookie = "reeve-theme"

// theme is the colours that were chosen, "" for those of the system.
func (v *visit) theme() string {
	cookie, err := v.Cookie(themeCookie)
	if err != nil || cookie.Value != "light" && cookie.Value != "dark" {
		return ""
	}
	return cookie.Value
}

func (c *console) chooseTheme(v *visit) error {
	switch theme := v.PostFormValue("theme"); theme {
	case "light", "dark":
		v.setCookie(themeCookie, theme, 365*24*time.Hour)
	case "system":
		v.dropCookie(themeCookie)
	default:
		return refuse(http.StatusBadRequest, "Colours are light, dark or system.")
	}
	v.redirect(nextOf(v.PostFormValue("next")))
	return nil
}
