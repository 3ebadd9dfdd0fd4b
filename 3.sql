-- 4. Promotions: what they sold and what they gave away, sales without one among them.
SELECT coalesce(promotion_name, '(none)') AS promotion, count(*) AS sales,
       sum(amount) AS revenue,
       sum(quantity * unit_price) - sum(amount) AS given_away,
       CAST(avg(discount) AS DECIMAL(4, 3)) AS average_discount
FROM sales s
LEFT JOIN promotion p ON p.promotion_id = s.promotion_id
GROUP BY promotion_name
ORDER BY revenue DESC;

