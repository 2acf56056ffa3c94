package main

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

const (
	noticesFile = "THIRD-PARTY-NOTICES"

	noticesHead = `Vendgate's program is built from the modules below. Their licences ask for these notices to go with it.
Go's standard library and runtime have the licence of golang.org/x/crypto.
`
	noticesRule = "\n================================================================================\n"

	// listModules prints of each package its folder, and the module and the folder of that.
	listModules = "{{with .Module}}{{if not .Main}}{{$.Dir}}\t{{.Path}} {{.Version}}\t{{.Dir}}{{end}}{{end}}"
)

var noticeName = regexp.MustCompile(`(?i)^(licen[cs]e|copying|notice|copyright|patents)([-._].*)?$`)

// notices writes the licences and notices of all modules of a platform's program, once, and returns
// the file.
func (r *release) notices(ctx context.Context, platform string) (string, error) {
	goos, goarch, _ := strings.Cut(platform, "/")
	path := filepath.Join(r.work, goos+"-"+goarch, noticesFile)
	if _, err := os.Stat(path); err == nil {
		return path, nil
	}
	cmd := exec.CommandContext(ctx, "go", "list", "-mod=readonly", "-deps", "-f", listModules, "./cmd/vendgate")
	cmd.Dir, cmd.Env = r.root, buildEnv(goos, goarch)
	packages, err := output(cmd)
	if err != nil {
		return "", err
	}
	owners, err := noticeTexts(string(packages))
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return "", err
	}
	return path, os.WriteFile(path, writeNotices(owners), 0o644)
}

// noticeTexts reads the files of each package's folder and of those above it, up to its module's.
// Modules that have the same text share it.
func noticeTexts(packages string) (owners map[string][]string, err error) {
	owners = make(map[string][]string)
	found, read := make(map[string]bool), make(map[string]bool)
	for line := range strings.Lines(packages) {
		dir, rest, _ := strings.Cut(strings.TrimSpace(line), "\t")
		module, top, _ := strings.Cut(rest, "\t")
		found[module] = found[module] || false
		for ; strings.HasPrefix(dir, top) && !read[dir]; dir = filepath.Dir(dir) {
			read[dir] = true
			texts, err := readNotices(dir)
			if err != nil {
				return nil, err
			}
			for _, text := range texts {
				found[module] = true
				if !slices.Contains(owners[text], module) {
					owners[text] = append(owners[text], module)
				}
			}
		}
	}
	for module, ok := range found {
		if !ok {
			return nil, fmt.Errorf("module %s has no licence", module)
		}
	}
	return owners, nil
}

func readNotices(dir string) (texts []string, err error) {
	files, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	for _, f := range files {
		if f.IsDir() || !noticeName.MatchString(f.Name()) || strings.HasSuffix(f.Name(), ".go") {
			continue
		}
		text, err := os.ReadFile(filepath.Join(dir, f.Name()))
		if err != nil {
			return nil, err
		}
		texts = append(texts, strings.TrimSpace(strings.ReplaceAll(string(text), "\r\n", "\n")))
	}
	return texts, nil
}

func writeNotices(owners map[string][]string) []byte {
	var b bytes.Buffer
	b.WriteString(noticesHead)
	heads := make(map[string]string, len(owners))
	for text, modules := range owners {
		slices.Sort(modules)
		heads[strings.Join(modules, "\n")+"\n\n"+text+"\n"] = text
	}
	for _, entry := range slices.Sorted(maps.Keys(heads)) {
		b.WriteString(noticesRule + entry)
	}
	return b.Bytes()
}
