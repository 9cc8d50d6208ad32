#!/usr/bin/env bash
# The section "Test API Endpoints Directly" of a client that existed before this product: its lines
# are kept word for word, and `curl` puts in what differs from run to run: the token ($ACCESS), the
# address ($URL) and ids. Prints one line of JSON per request: {"status": ..., "body": ...}.
set -euo pipefail

id=''
ids=''
curl() {
    local word said given=()
    for word in "$@"; do
        word=${word//your_auth_token/$ACCESS}
        word=${word//http:\/\/localhost:8000/$URL}
        word=${word//\{id\}/$id}
        word=${word//\[1, 2, 3\]/[$ids]}
        given+=("$word")
    done
    said=$(command curl -sS -w '\n%{http_code}' "${given[@]}")
    printf '{"status": %s, "body": %s}\n' "${said##*$'\n'}" "${said%$'\n'*}" | sed 's/: }$/: null}/'
    remember "$said"
}

# The list gives the ids that stand for 1, 2, 3; the customer who is created is {id}.
remember() {
    local found
    found=$(grep -o '"id":"[^"]*"' <<<"$1" | head -n 3 | cut -d: -f2 | paste -sd, || true)
    ids=${ids:-$found}
    case $1 in *apitest@example.com*) id=$(tr -d '"' <<<"${found%%,*}") ;; esac
}

# Get authentication token first
TOKEN="your_auth_token"

# 1. List customers
curl -H "Authorization: Bearer $TOKEN" \
     http://localhost:8000/api/customers/

# 2. Get statistics
curl -H "Authorization: Bearer $TOKEN" \
     http://localhost:8000/api/customers/stats/

# 3. Create customer
curl -X POST \
     -H "Authorization: Bearer $TOKEN" \
     -H "Content-Type: application/json" \
     -d '{
       "name": "API Test Customer",
       "email": "apitest@example.com",
       "phone": "08123456789"
     }' \
     http://localhost:8000/api/customers/

# 4. Update customer (replace {id} with actual ID)
curl -X PATCH \
     -H "Authorization: Bearer $TOKEN" \
     -H "Content-Type: application/json" \
     -d '{"phone": "08987654321"}' \
     http://localhost:8000/api/customers/{id}/

# 5. Update points
curl -X POST \
     -H "Authorization: Bearer $TOKEN" \
     -H "Content-Type: application/json" \
     -d '{
       "points": 100,
       "reason": "Welcome bonus"
     }' \
     http://localhost:8000/api/customers/{id}/update_points/

# 6. Bulk update
curl -X POST \
     -H "Authorization: Bearer $TOKEN" \
     -H "Content-Type: application/json" \
     -d '{
       "customer_ids": [1, 2, 3],
       "action": "activate"
     }' \
     http://localhost:8000/api/customers/bulk_update/

# 7. Delete customer
curl -X DELETE \
     -H "Authorization: Bearer $TOKEN" \
     http://localhost:8000/api/customers/{id}/
