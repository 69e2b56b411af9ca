package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
)

// bundle lists what is in a target's archive.
func (b *builder) bundle(t target, program string, bill []byte, linked []module) ([]file, error) {
	binary, err := os.ReadFile(program)
	if err != nil {
		return nil, err
	}
	files := append([]file{}, b.shared...)
	files = append(files,
		file{name: t.program(), content: binary, program: true},
		file{name: "THIRD-PARTY-LICENSES.txt", content: licenceTexts(linked)},
		file{name: "reeve.cdx.json", content: bill},
	)
	if t.os == "linux" {
		unit, err := os.ReadFile(filepath.Join(b.dir, "deploy/systemd/reeve.service"))
		if err != nil {
			return nil, err
		}
		files = append(files, file{name: "systemd/reeve.service", content: unit})
	}
	return files, nil
}

// documents are the files of every archive: those of the tree, and what the
// program writes about itself.
func (b *builder) documents(ctx context.Context) (files []file, err error) {
	for _, name := range []string{"LICENSE", "README.md", "CHANGELOG.md"} {
		content, err := os.ReadFile(filepath.Join(b.dir, name))
		if err != nil {
			return nil, err
		}
		files = append(files, file{name: name, content: content})
	}
	program, err := b.compileHere(ctx)
	if err != nil {
		return nil, err
	}
	for shell, name := range map[string]string{"bash": "reeve.bash", "zsh": "_reeve", "fish": "reeve.fish", "powershell": "reeve.ps1"} {
		text, err := b.ask(ctx, program, "completion", shell)
		if err != nil {
			return nil, err
		}
		files = append(files, file{name: "completions/" + name, content: text})
	}
	manual, err := b.manual(ctx, program)
	return append(files, manual...), err
}

// manual are the pages of the manual, none where the program has no command
// that writes them.
func (b *builder) manual(ctx context.Context, program string) (files []file, err error) {
	dir := filepath.Join(b.work, "man")
	if err := os.Mkdir(dir, 0o755); err != nil {
		return nil, err
	}
	const misuse = 2 // the exit code of a command line that is wrong
	var exit *exec.ExitError
	if _, err := b.ask(ctx, program, "man", "--dir", dir); errors.As(err, &exit) && exit.ExitCode() == misuse {
		fmt.Println("no pages of the manual: the program has no command man")
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	err = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		files = append(files, file{name: "man/man1/" + filepath.Base(path), content: content})
		return err
	})
	return files, err
}

// ask runs the program for what it writes to standard output, in the time of
// the commit and without settings of this machine.
func (b *builder) ask(ctx context.Context, program string, args ...string) ([]byte, error) {
	c := exec.CommandContext(ctx, program, args...)
	c.Env = []string{"SOURCE_DATE_EPOCH=" + strconv.FormatInt(b.from.Time.Unix(), 10), "HOME=" + b.work, "TZ=UTC", "SYSTEMROOT=" + os.Getenv("SYSTEMROOT")}
	text, err := c.Output()
	if err != nil {
		return nil, fmt.Errorf("reeve %s: %w", args[0], explained(err))
	}
	return bytes.ReplaceAll(text, []byte("\r\n"), []byte("\n")), nil
}
