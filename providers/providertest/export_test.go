package providertest

import (
	"net/http"

	"github.com/underlimit/underlimit/providers"
)

// Check returns what Test would report.
func Check(p providers.Provider, req *http.Request) ([]error, error) {
	s, err := newSubject(p, req)
	if err != nil {
		return nil, err
	}
	return s.check(), nil
}
