<?php
// What PHP takes a request for: the method that Symfony's HttpFoundation reads (Laravel's requests are those), and the
// route that WordPress would follow. Run by `php -S`.
require '/usr/share/php/Symfony/Component/HttpFoundation/autoload.php';

use Symfony\Component\HttpFoundation\Request;

Request::enableHttpMethodParameterOverride();
$request = Request::createFromGlobals();
if (str_contains((string) $request->headers->get('Content-Type'), 'json')) {
    // As Laravel does: the members of a JSON body are the request's input.
    $request->request->replace(json_decode($request->getContent(), true) ?: []);
}
header('Content-Type: application/json');
echo json_encode([
    'method' => $request->getMethod(),
    // WordPress reads the query variable from either (WP::parse_request).
    'route' => $_POST['rest_route'] ?? $_GET['rest_route'] ?? null,
]);
