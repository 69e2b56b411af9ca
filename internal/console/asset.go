package console

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"net/http"
	"path"
	"strings"
	"time"
)

//go:embed assets
var assetFiles embed.FS

const assetPath = "/console/assets/"

// asset is one file that browsers keep for ever: its name changes with its bytes.
type asset struct {
	url   string
	media string
	bytes []byte
}

// assets are the files of assets/ by their name; all of its *.css are one
// style.css, and all of its *.js one script.js, in the order of their names.
type assets map[string]asset

func readAssets() (assets, error) {
	files, err := fs.ReadDir(assetFiles, "assets")
	if err != nil {
		return nil, err
	}
	joined := map[string]*bytes.Buffer{}
	for _, f := range files {
		name := assetName(f.Name())
		if joined[name] == nil {
			joined[name] = new(bytes.Buffer)
		}
		text, err := fs.ReadFile(assetFiles, path.Join("assets", f.Name()))
		if err != nil {
			return nil, err
		}
		joined[name].Write(text)
	}
	a := make(assets)
	for name, text := range joined {
		a[name] = newAsset(name, text.Bytes())
	}
	return a, nil
}

// assetName is the file that browsers get a file of assets/ in.
func assetName(file string) string {
	switch path.Ext(file) {
	case ".css":
		return "style.css"
	case ".js":
		return "script.js"
	}
	return file
}

var mediaTypes = map[string]string{".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}

func newAsset(name string, text []byte) asset {
	sum := sha256.Sum256(text)
	stem := strings.TrimSuffix(name, path.Ext(name))
	return asset{assetPath + stem + "-" + hex.EncodeToString(sum[:6]) + path.Ext(name), mediaTypes[path.Ext(name)], text}
}

// url is where an asset is, for templates.
func (a assets) url(name string) (string, error) {
	if f, ok := a[name]; ok {
		return f.url, nil
	}
	return "", fmt.Errorf("there is no asset %q", name)
}

func (a assets) serve(w http.ResponseWriter, r *http.Request) {
	for _, f := range a {
		if f.url == r.URL.Path {
			w.Header().Set("Content-Type", f.media)
			w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
			http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(f.bytes))
			return
		}
	}
	http.NotFound(w, r)
}
