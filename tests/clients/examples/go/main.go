// Calls OpenAI's and GitHub's APIs through the gateway with nothing but net/http, and prints what
// came of it.
package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"mime/multipart"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// api calls one API through the gateway.
type api struct {
	base   string
	client *http.Client
}

func main() {
	if err := run(); err != nil {
		log.Fatal(err)
	}
}

func run() error {
	gateway, err := url.Parse(os.Getenv("VENDGATE_URL"))
	if err != nil {
		return err
	}
	client := func(key string) *http.Client { return &http.Client{Transport: Vendgate{gateway.Host, os.Getenv(key)}} }
	github := api{gateway.JoinPath("proxy", os.Getenv("GITHUB"), "github").String(), client("GITHUB_KEY")}
	openai := api{gateway.JoinPath("proxy", os.Getenv("OPENAI"), "openai").String(), client("OPENAI_KEY")}
	return errors.Join(github.issues(), openai.upload(os.Args[1]), openai.stream(), openai.refused())
}

var next = regexp.MustCompile(`<([^>]*)>; rel="next"`)

// issues lists all pages, by Link.
func (a api) issues() error {
	for page := a.base + "/repos/octo/hello/issues?per_page=1"; page != ""; {
		res, err := a.get(page)
		if err != nil {
			return err
		}
		var issues []struct{ Title string }
		if err := read(res, &issues); err != nil {
			return err
		}
		for _, issue := range issues {
			fmt.Println("issue", issue.Title)
		}
		page = ""
		if link := next.FindStringSubmatch(res.Header.Get("Link")); link != nil {
			page = link[1]
		}
	}
	return nil
}

// get waits once as Retry-After says, which is always in whole seconds.
func (a api) get(address string) (*http.Response, error) {
	res, err := a.client.Get(address)
	if err != nil || res.StatusCode != http.StatusTooManyRequests {
		return res, err
	}
	_ = res.Body.Close()
	seconds, err := strconv.Atoi(res.Header.Get("Retry-After"))
	if err != nil {
		return nil, err
	}
	time.Sleep(time.Duration(seconds) * time.Second)
	return a.client.Get(address)
}

func (a api) upload(file string) error {
	content, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	part, err := form.CreateFormFile("file", filepath.Base(file))
	if err != nil {
		return err
	}
	if _, err := part.Write(content); err != nil {
		return err
	}
	if err := errors.Join(form.WriteField("purpose", "assistants"), form.Close()); err != nil {
		return err
	}
	res, err := a.client.Post(a.base+"/files", form.FormDataContentType(), &body)
	if err != nil {
		return err
	}
	var stored struct{ ID string }
	err = read(res, &stored)
	fmt.Println("file", stored.ID)
	return err
}

const question = `{"model":"gpt-4o-mini","stream":true,"messages":[{"role":"user","content":"Größe?"}]}`

// stream prints each word as it comes.
func (a api) stream() error {
	res, err := a.client.Post(a.base+"/chat/completions", "application/json", strings.NewReader(question))
	if err != nil {
		return err
	}
	defer func() { _ = res.Body.Close() }()
	for lines := bufio.NewScanner(res.Body); lines.Scan(); {
		data, ok := strings.CutPrefix(lines.Text(), "data: ")
		if !ok || data == "[DONE]" {
			continue
		}
		var chunk struct {
			Choices []struct{ Delta struct{ Content string } }
		}
		if err := json.Unmarshal([]byte(data), &chunk); err != nil {
			return err
		}
		fmt.Println("word", chunk.Choices[0].Delta.Content)
	}
	return nil
}

// refused shows the provider's own error, which the key lets through, and the gateway's code beside
// it.
func (a api) refused() error {
	res, err := a.client.Get(a.base + "/models")
	if err != nil {
		return err
	}
	var body struct{ Error struct{ Code string } }
	err = read(res, &body)
	fmt.Println("error", res.StatusCode, body.Error.Code, res.Header.Get("Vendgate-Code"))
	return err
}

// read decodes a JSON body.
func read(res *http.Response, into any) error {
	body, err := io.ReadAll(res.Body)
	return errors.Join(err, res.Body.Close(), json.Unmarshal(body, into))
}
