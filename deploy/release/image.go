package main

import (
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	// Writes an OCI image without a daemon.
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// image writes an OCI layout with the image of each Linux platform, as one tar that docker load,
// podman load and skopeo read.
func (r *release) image(ctx context.Context) error {
	index := mutate.IndexMediaType(empty.Index, types.OCIImageIndex)
	for _, platform := range r.platforms {
		arch, ok := strings.CutPrefix(platform, "linux/")
		if !ok {
			continue
		}
		image, err := r.platformImage(ctx, platform, arch)
		if err != nil {
			return err
		}
		index = mutate.AppendManifests(index, mutate.IndexAddendum{
			Add:        image,
			Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: "linux", Architecture: arch}},
		})
	}
	index = mutate.Annotations(index, r.labels()).(v1.ImageIndex)
	dir := filepath.Join(r.work, "layout")
	path, err := layout.Write(dir, empty.Index)
	if err != nil {
		return err
	}
	// One index in the layout, which has the platforms: that is what a tag points to.
	err = path.AppendIndex(index, layout.WithAnnotations(map[string]string{
		"org.opencontainers.image.ref.name": r.bare(),
		"io.containerd.image.name":          "vendgate:" + r.bare(),
	}))
	if err != nil {
		return err
	}
	entries, err := folder(dir, "")
	if err != nil {
		return err
	}
	var b bytes.Buffer
	if err := writeTar(&b, entries, r.time); err != nil {
		return err
	}
	name := "vendgate_" + r.bare() + "_oci.tar"
	return os.WriteFile(r.file(name), b.Bytes(), 0o644)
}

func (r *release) platformImage(ctx context.Context, platform, arch string) (v1.Image, error) {
	binary, err := r.binary(ctx, platform)
	if err != nil {
		return nil, err
	}
	notices, err := r.notices(ctx, platform)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	if err := writeTar(&b, r.rootfsEntries(binary, notices), r.time); err != nil {
		return nil, err
	}
	layer, err := tarball.LayerFromOpener(
		func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(b.Bytes())), nil },
		tarball.WithMediaType(types.OCILayer))
	if err != nil {
		return nil, err
	}
	created := v1.Time{Time: r.time}
	image := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
	image, err = mutate.Append(image, mutate.Addendum{Layer: layer, History: v1.History{
		Created: created, CreatedBy: "deploy/release", Comment: "Vendgate " + r.version,
	}})
	if err != nil {
		return nil, err
	}
	return mutate.ConfigFile(image, r.imageConfig(image, arch, created))
}

// imageConfig is what deploy/container/Dockerfile says, too: a test compares them.
func (r *release) imageConfig(image v1.Image, arch string, created v1.Time) *v1.ConfigFile {
	// A file that was read cannot fail: it is in memory.
	file, _ := image.ConfigFile()
	file = file.DeepCopy()
	file.OS, file.Architecture, file.Created = "linux", arch, created
	file.Config = v1.Config{
		User:         "65532:65532",
		WorkingDir:   "/data",
		Env:          []string{"PATH=/usr/bin", "HOME=/data", "XDG_DATA_HOME=/data", "XDG_CONFIG_HOME=/data"},
		Entrypoint:   []string{"/usr/bin/vendgate"},
		Cmd:          []string{"run", "--config", "/etc/vendgate/Caddyfile"},
		ExposedPorts: map[string]struct{}{"8080/tcp": {}},
		Volumes:      map[string]struct{}{"/data": {}},
		StopSignal:   "SIGTERM",
		Labels:       r.labels(),
		Healthcheck: &v1.HealthConfig{
			Test:     []string{"CMD", "/usr/bin/vendgate", "health", "--url", "http://127.0.0.1:8080/health/ready"},
			Interval: 30 * time.Second, Timeout: 5 * time.Second, StartPeriod: 10 * time.Second, Retries: 3,
		},
	}
	return file
}

func (r *release) labels() map[string]string {
	const home = "https://github.com/vendgate/vendgate"
	return map[string]string{
		"org.opencontainers.image.title":         "Vendgate",
		"org.opencontainers.image.description":   "Reverse proxy that puts customers' credentials into API requests",
		"org.opencontainers.image.url":           home,
		"org.opencontainers.image.source":        home,
		"org.opencontainers.image.documentation": home + "/blob/main/docs/installing.md",
		"org.opencontainers.image.licenses":      "Apache-2.0",
		"org.opencontainers.image.version":       r.bare(),
		"org.opencontainers.image.revision":      r.commit,
		"org.opencontainers.image.created":       r.time.Format(time.RFC3339),
	}
}
