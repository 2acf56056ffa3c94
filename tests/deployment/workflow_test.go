package deployment

import (
	"bytes"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/rhysd/actionlint"
	"go.yaml.in/yaml/v4"
)

// workflow is what the tests read of a workflow's file.
type workflow struct {
	Permissions *map[string]string `yaml:"permissions"`
	Concurrency *struct {
		Group string `yaml:"group"`
	} `yaml:"concurrency"`
	Jobs map[string]struct {
		Permissions *map[string]string `yaml:"permissions"`
		Timeout     int                `yaml:"timeout-minutes"`
		If          string             `yaml:"if"`
		Steps       []struct {
			Uses string         `yaml:"uses"`
			With map[string]any `yaml:"with"`
		} `yaml:"steps"`
	} `yaml:"jobs"`
}

// pinned is an action at a whole commit.
var pinned = regexp.MustCompile(`^[\w.-]+/[\w./-]+@[0-9a-f]{40}$`)

// named is a line that says which version that commit is.
var named = regexp.MustCompile(`uses: \S+@[0-9a-f]{40} # v\d+\.\d+\.\d+$`)

// TestWorkflows: actionlint knows the syntax, the expressions and the options of known actions.
// Each action is pinned to a commit, each job has the permissions that it needs and no others, and
// what runs for pull requests may write nothing.
func TestWorkflows(t *testing.T) {
	files, err := filepath.Glob("../../.github/workflows/*.yml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no workflows: %v", err)
	}
	linter, err := actionlint.NewLinter(io.Discard, &actionlint.LinterOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			problems, err := linter.Lint(file, text, nil)
			if err != nil {
				t.Fatal(err)
			}
			for _, p := range problems {
				t.Error(p)
			}
			checkWorkflow(t, text)
		})
	}
}

func checkWorkflow(t *testing.T, text []byte) {
	t.Helper()
	var w workflow
	if err := yaml.Unmarshal(text, &w); err != nil {
		t.Fatal(err)
	}
	if w.Permissions == nil || len(*w.Permissions) != 0 {
		t.Error("permissions: write {} for the workflow, and what it needs for each job")
	}
	if w.Concurrency == nil || w.Concurrency.Group == "" {
		t.Error("concurrency: name a group")
	}
	for line := range strings.Lines(string(text)) {
		if strings.Contains(line, "uses: ") && !named.MatchString(strings.TrimRight(line, "\n")) {
			t.Errorf("%q: pin the action to a commit, and name its version behind it", strings.TrimSpace(line))
		}
	}
	fromForks := bytes.Contains(text, []byte("pull_request:"))
	if bytes.Contains(text, []byte("pull_request_target")) || bytes.Contains(text, []byte("secrets.")) {
		t.Error("a workflow of pull requests must not run with secrets")
	}
	for name, job := range w.Jobs {
		if job.Permissions == nil || job.Timeout == 0 {
			t.Errorf("job %s has no permissions, or no timeout-minutes", name)
			continue
		}
		for what, access := range *job.Permissions {
			if access == "write" && fromForks && !strings.Contains(job.If, "ref_type == 'tag'") {
				t.Errorf("job %s runs for pull requests and may write %s", name, what)
			}
		}
		for _, step := range job.Steps {
			if step.Uses != "" && !pinned.MatchString(step.Uses) {
				t.Errorf("job %s: %s is not pinned to a commit", name, step.Uses)
			}
			if strings.HasPrefix(step.Uses, "actions/checkout@") && step.With["persist-credentials"] != false {
				t.Errorf("job %s: a checkout keeps its credentials in the working copy", name)
			}
		}
	}
}

// TestImageTag: the chart asks for the image by its own version, which has no v.
func TestImageTag(t *testing.T) {
	text, err := os.ReadFile("../../.github/workflows/image.yml")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`echo "version=${GITHUB_REF_NAME#v}"`,
		"tags: ${{ steps.image.outputs.name }}:${{ steps.image.outputs.version }}\n",
	} {
		if !bytes.Contains(text, []byte(want)) {
			t.Errorf("the workflow of the image lacks %q", want)
		}
	}
}

// TestDependabot: each folder that it looks at has what it looks for, and it looks at each module.
func TestDependabot(t *testing.T) {
	text, err := os.ReadFile("../../.github/dependabot.yml")
	if err != nil {
		t.Fatal(err)
	}
	var config struct {
		Updates []struct {
			Ecosystem   string   `yaml:"package-ecosystem"`
			Directory   string   `yaml:"directory"`
			Directories []string `yaml:"directories"`
		} `yaml:"updates"`
	}
	if err := yaml.Unmarshal(text, &config); err != nil {
		t.Fatal(err)
	}
	manifests := map[string]string{
		"gomod": "go.mod", "npm": "package.json", "docker": "Dockerfile", "github-actions": ".github/workflows",
	}
	watched := map[string]bool{}
	for _, u := range config.Updates {
		for _, dir := range append(u.Directories, u.Directory) {
			if dir == "" {
				continue
			}
			watched[u.Ecosystem+" "+dir] = true
			if _, err := os.Stat(filepath.Join("../..", dir, manifests[u.Ecosystem])); err != nil {
				t.Errorf("%s: %v", u.Ecosystem, err)
			}
		}
	}
	modules, err := exec.CommandContext(t.Context(), "git", "-C", "../..", "ls-files", "go.mod", "*/go.mod").Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, module := range strings.Fields(string(modules)) {
		if dir := path.Join("/", path.Dir(module)); !watched["gomod "+dir] {
			t.Errorf("it does not look at the module in %s", dir)
		}
	}
}
