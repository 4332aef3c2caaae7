<?php
// Prints the first 20 sessions of a room (or of all rooms), newest first. Needs php-cli and php-curl.

function fail(string $message): never
{
    fwrite(STDERR, $message . "\n");
    exit(1);
}

$base = getenv('ROLLCALL_URL') ?: 'http://127.0.0.1:4000';
$token = getenv('ROLLCALL_TOKEN') ?: fail('ROLLCALL_TOKEN is missing: sign one with  npm run -s rollcall -- token');
$query = array_filter([
    'roomId' => getenv('ROLLCALL_ROOM_ID'),
    'customRoomId' => getenv('ROLLCALL_CUSTOM_ROOM_ID'),
]) + ['page' => 1, 'perPage' => 20];

$curl = curl_init();
curl_setopt_array($curl, [
    CURLOPT_URL => "$base/v2/sessions/?" . http_build_query($query),
    CURLOPT_RETURNTRANSFER => true,
    CURLOPT_TIMEOUT => 30,
    CURLOPT_HTTPHEADER => ["Authorization: $token", 'Content-Type: application/json'],
]);
$text = curl_exec($curl);
if ($text === false) {
    fail("$base was not reached: " . curl_error($curl));
}
$status = curl_getinfo($curl, CURLINFO_RESPONSE_CODE);
if ($status !== 200) {
    fail("the server answered $status: $text");
}

$page = json_decode($text, flags: JSON_THROW_ON_ERROR);
echo json_encode($page, JSON_PRETTY_PRINT | JSON_UNESCAPED_SLASHES | JSON_UNESCAPED_UNICODE), "\n";
