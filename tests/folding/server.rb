# What Rack takes a request for, as Rails has it: the method behind Rack::MethodOverride. Run by `ruby`.
require 'json'
require 'rack'
require 'rack/handler/webrick'

app = lambda do |env|
  [200, { 'Content-Type' => 'application/json' }, [JSON.generate(method: env['REQUEST_METHOD'], route: nil)]]
end
Rack::Handler::WEBrick.run(Rack::MethodOverride.new(app),
                           Host: '127.0.0.1', Port: ARGV[0].to_i, AccessLog: [], Logger: WEBrick::Log.new(File::NULL))
