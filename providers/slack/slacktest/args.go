package slacktest

import (
	"bytes"
	"errors"
	"io"
	"maps"
	"mime"
	"mime/multipart"
	"net/url"
	"strings"

	"github.com/underlimit/underlimit/internal/fakeapi"
	"github.com/underlimit/underlimit/providers/apitest"
)

// args reads the arguments of a call from its query and its body. It returns Slack's word for what is wrong with them,
// or "".
func args(c *apitest.Call) (url.Values, string) {
	values, err := url.ParseQuery(c.Request.URL.RawQuery)
	if err != nil {
		return nil, "invalid_arguments"
	}
	mediaType, params, _ := mime.ParseMediaType(c.Request.Header.Get("Content-Type"))
	switch mediaType {
	case "application/x-www-form-urlencoded":
		form, err := url.ParseQuery(string(c.Body))
		if err != nil {
			return nil, "invalid_form_data"
		}
		maps.Copy(values, form)
	case "multipart/form-data":
		parts := multipart.NewReader(bytes.NewReader(c.Body), params["boundary"])
		for {
			part, err := parts.NextPart()
			if errors.Is(err, io.EOF) {
				return values, ""
			}
			if err != nil {
				return nil, "invalid_form_data"
			}
			value, err := io.ReadAll(part) // within the body, which is bounded
			if err != nil {
				return nil, "invalid_form_data"
			}
			if part.FileName() == "" {
				values.Set(part.FormName(), string(value))
			}
		}
	case "application/json":
		object, ok := fakeapi.Object(c.Body)
		if !ok {
			return nil, "invalid_json"
		}
		for name, value := range object {
			if text, ok := value.(string); ok {
				values.Set(name, text)
			} else {
				values.Set(name, string(fakeapi.JSON(value))) // blocks and the like, as a form has them
			}
		}
	}
	return values, ""
}

// token returns the token of a call, wherever it is; the header counts first.
func token(c *apitest.Call, args url.Values) string {
	scheme, token, _ := strings.Cut(c.Request.Header.Get("Authorization"), " ")
	if strings.EqualFold(scheme, "Bearer") && token != "" {
		return token
	}
	return args.Get("token")
}

// client returns the app that a call without a token is made by, "" if it does not say.
func client(c *apitest.Call, args url.Values) string {
	if id, _, ok := c.Request.BasicAuth(); ok && id != "" {
		return "client " + id
	}
	if id := args.Get("client_id"); id != "" {
		return "client " + id
	}
	return ""
}
