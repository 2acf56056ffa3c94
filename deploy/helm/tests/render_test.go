package tests

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	monitoring "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/kubernetes/scheme"
	gateways "sigs.k8s.io/gateway-api/apis/v1"
)

// strict decodes objects of the Kubernetes API and refuses unknown and duplicate members.
var strict = func() runtime.Decoder {
	s := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{scheme.AddToScheme, monitoring.AddToScheme, gateways.Install} {
		if err := add(s); err != nil {
			panic(err)
		}
	}
	return serializer.NewCodecFactory(s, serializer.EnableStrict).UniversalDeserializer()
}()

// valueFiles are those under ci/, and the chart's own values, by name.
func valueFiles(t *testing.T) map[string]string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(chart, "ci", "*-values.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	if len(files) < 10 {
		t.Fatalf("%d value files under ci/, want at least 10", len(files))
	}
	named := map[string]string{"values.yaml": filepath.Join(chart, "values.yaml")}
	for _, f := range files {
		named[filepath.Base(f)] = f
	}
	return named
}

// template runs `helm template` and returns what it printed.
func template(args ...string) (string, error) {
	cmd := exec.Command(helm, append([]string{"template", "demo", chart, "--namespace", "gateways"}, args...)...)
	var out, failure bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &failure
	if err := cmd.Run(); err != nil {
		return "", errors.New(failure.String())
	}
	return out.String(), nil
}

// objects decodes what a values file renders.
func objects(t *testing.T, args ...string) []runtime.Object {
	t.Helper()
	rendered, err := template(args...)
	if err != nil {
		t.Fatal(err)
	}
	var found []runtime.Object
	reader := yaml.NewYAMLReader(bufio.NewReader(strings.NewReader(rendered)))
	for {
		document, err := reader.Read()
		if errors.Is(err, io.EOF) {
			return found
		}
		if err != nil {
			t.Fatal(err)
		}
		object, _, err := strict.Decode(document, nil, nil)
		if err != nil {
			t.Fatalf("%v in\n%s", err, document)
		}
		found = append(found, object)
	}
}

// only returns the one object of a type.
func only[T runtime.Object](t *testing.T, all []runtime.Object) T {
	t.Helper()
	found := every[T](all)
	if len(found) != 1 {
		t.Fatalf("%d objects of type %T, want 1", len(found), *new(T))
	}
	return found[0]
}

func every[T runtime.Object](all []runtime.Object) (found []T) {
	for _, o := range all {
		if one, ok := o.(T); ok {
			found = append(found, one)
		}
	}
	return found
}
