<?php
// What Laravel's HTTP client puts on the wire, by PHP's own curl: one request, of which a line of JSON on stdin tells.
// Its `post($url, $data)` sends `json_encode($data)`, so that an empty map, at any depth, is `[]`; `asForm()` sends a form;
// `withToken` puts "Bearer" before the token. The answer goes to stdout: {"status":200,"body":…}.

['method' => $method, 'url' => $url, 'token' => $token, 'data' => $data, 'as' => $as] =
    json_decode(stream_get_contents(STDIN), true);

$headers = ['User-Agent: GuzzleHttp/7', 'Authorization: ' . $token];
$curl = curl_init();
if ($method === 'GET') {
    $url .= $data ? '?' . http_build_query($data) : '';
} elseif ($as === 'form') {
    $headers[] = 'Content-Type: application/x-www-form-urlencoded';
    curl_setopt($curl, CURLOPT_POSTFIELDS, http_build_query($data));
} else {
    $headers[] = 'Content-Type: application/json';
    curl_setopt($curl, CURLOPT_POSTFIELDS, json_encode($data));
}
if ($as === 'json') {
    $headers[] = 'Accept: application/json';
}
curl_setopt_array($curl, [
    CURLOPT_URL => $url,
    CURLOPT_CUSTOMREQUEST => $method,
    CURLOPT_HTTPHEADER => $headers,
    CURLOPT_RETURNTRANSFER => true,
]);
$text = curl_exec($curl);
if ($text === false) {
    fwrite(STDERR, curl_error($curl) . "\n");
    exit(1);
}
echo json_encode(['status' => curl_getinfo($curl, CURLINFO_RESPONSE_CODE), 'body' => json_decode($text, true)]);
