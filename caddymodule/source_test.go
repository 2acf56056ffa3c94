package caddymodule_test

import (
	"reflect"
	"strings"
	"testing"

	"github.com/vendgate/vendgate/caddymodule"
)

// TestSourceEnvHasNoStore: a source that someone else wrote must not reach other sources'
// connections.
func TestSourceEnvHasNoStore(t *testing.T) {
	for _, field := range reflect.VisibleFields(reflect.TypeFor[caddymodule.SourceEnv]()) {
		if field.IsExported() && strings.Contains(field.Type.String(), "connect.Store") {
			t.Errorf("%s leads to the store", field.Name)
		}
	}
}
