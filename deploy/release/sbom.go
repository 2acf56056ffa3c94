package main

import (
	"context"
	"os"
	"strings"
	"time"

	cdx "github.com/CycloneDX/cyclonedx-go"
	// Reads from a program which modules it holds.
	"github.com/CycloneDX/cyclonedx-gomod/pkg/generate/bin"
	"github.com/rs/zerolog"
)

// sboms writes a CycloneDX bill of materials for each platform's program: which modules it holds
// depends on the platform. It names the program by its digests.
func (r *release) sboms(ctx context.Context) error {
	for _, platform := range r.platforms {
		binary, err := r.binary(ctx, platform)
		if err != nil {
			return err
		}
		name := "vendgate_" + r.bare() + "_" + strings.ReplaceAll(platform, "/", "_") + ".cdx.json"
		if err := r.sbom(binary, r.file(name)); err != nil {
			return err
		}
	}
	return nil
}

func (r *release) sbom(binary, path string) error {
	generator, err := bin.NewGenerator(binary, bin.WithIncludeStdlib(true), bin.WithLogger(zerolog.Nop()),
		bin.WithVersionOverride(r.version))
	if err != nil {
		return err
	}
	bom, err := generator.Generate()
	if err != nil {
		return err
	}
	bom.Metadata.Timestamp = r.time.Format(time.RFC3339)
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	if err := cdx.NewBOMEncoder(f, cdx.BOMFileFormatJSON).SetPretty(true).Encode(bom); err != nil {
		_ = f.Close()
		return err
	}
	return f.Close()
}
