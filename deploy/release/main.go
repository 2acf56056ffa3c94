// Command release makes what a release of Vendgate consists of: archives, packages, the container
// image, the bill of materials and the checksums. `make release` runs it.
//
// The same commit gives the same bytes, on any machine, with the same version of Go:
// all times are the commit's, all lists are sorted, and nothing of the machine enters.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
)

const usage = `usage: release [flags] [artefact…]

Makes the artefacts that are named, or all: archives, deb, rpm, image, sbom, chart.
Another one, rootfs, writes the files of the container's image as a folder: deploy/container/Dockerfile
uses it.
`

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := command(ctx, os.Args[1:])
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "release:", err)
		os.Exit(1)
	}
}

func command(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("release", flag.ContinueOnError)
	flags.Usage = func() {
		_, _ = fmt.Fprint(flags.Output(), usage)
		flags.PrintDefaults()
	}
	root := flags.String("root", ".", "the repository")
	out := flags.String("out", "dist", "where the artefacts go")
	version := flags.String("version", os.Getenv("VERSION"), "vX.Y.Z (default: the commit's tag)")
	platforms := flags.String("platforms", strings.Join(allPlatforms, ","), "comma-separated, as GOOS/GOARCH")
	if err := flags.Parse(args); err != nil {
		return err
	}
	r, err := newRelease(ctx, *root, *out, *version, strings.Split(*platforms, ","))
	if err != nil {
		return err
	}
	defer r.close()
	return r.run(ctx, flags.Args())
}
